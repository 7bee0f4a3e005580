"""Where PATH leads: a file, a folder of files, or a landing zone under s3://."""

from __future__ import annotations

import json
import os
import posixpath
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from infra.forms import FormError, beneath
from infra.ingest.notes import Notes
from infra.ingest.opening import explained, regular
from infra.ingest.references import alike, spellings, within
from infra.ingest.reject import BadLineError, shorten
from infra.objects import Prefix, is_s3
from infra.settings import S3, Settings
from models.data.media_limits import MAX_VIDEO_BYTES
from models.domain.errors import UserError
from models.process.atomic_write import write_text

LEFTOVERS = (".part", ".crdownload", ".download", ".tmp", ".swp", "~")  # of downloads and editors that go on
SYSTEM = frozenset({"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin", "system volume information"})


class UnreadableError(UserError):
    """A PATH that leads nowhere."""


@dataclass(frozen=True)
class Found:
    """One file of a place."""

    name: str  # as rejects call it
    key: str  # as the place knows it: relative to its root, or the object's key
    size: int  # bytes
    etag: str = ""


class Place(Protocol):
    def files(self, notes: Notes) -> list[Found]:
        """The files, in the order of their names; what is none, or nobody's data, is noted."""

    def local(self, found: Found) -> AbstractContextManager[Path]:
        """A context in which the file lies on this machine."""

    def fetch(self, found: Found, reference: str) -> bytes:
        """An image beside the file; raises BadLineError."""


def is_leftover(key: str) -> bool:
    """Whether a system, a download or an editor left the file there: no person meant it as data."""
    parts = key.casefold().split("/")
    return any(part in SYSTEM or part.startswith(".") for part in parts) or parts[-1].endswith(LEFTOVERS)


@dataclass(frozen=True)
class Folder:
    """A folder, or one file of it where `only` names it."""

    root: Path
    only: str = ""

    def files(self, notes: Notes) -> list[Found]:
        keys = [self.only] if self.only else sorted(self._walk(notes))
        return [Found(str(self.root / key), key, (self.root / key).stat().st_size) for key in keys]

    def _walk(self, notes: Notes) -> Iterator[str]:
        """Files, by links too; a link to a folder is not followed, for it may lead round in a ring."""
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if not _passed_over(name, notes)]
            links = [name for name in folders if Path(folder, name).is_symlink()]
            for name in (*names, *links):
                key = str(Path(folder, name).relative_to(self.root))
                if _passed_over(key, notes):
                    continue
                if told := _no_file(self.root / key):
                    notes.add("not_a_file", f"{key}: {told}")
                elif not _is_text(key):
                    notes.add("not_a_file", f"{key}: its name is not UTF-8; rename it")
                else:
                    yield key

    @contextmanager
    def local(self, found: Found) -> Iterator[Path]:
        yield self.root / found.key

    def fetch(self, found: Found, reference: str) -> bytes:
        beside = (self.root / found.key).parent
        return self.read(beside, reference)

    def read(self, folder: Path, reference: str) -> bytes:
        """At most MAX_VIDEO_BYTES + 1 bytes of a file that lies in the folder, links followed; raises BadLineError.

        A path that another machine wrote is found where it differs in its separators, in how signs are composed or
        escaped, or in the case of its last name.
        """
        base = folder.resolve()
        try:
            target = _target(base, reference)
            with regular(target) as stream:
                return stream.read(MAX_VIDEO_BYTES + 1)
        except BadLineError as error:
            raise BadLineError(error.args[0], f"{shorten(reference)[:60]}: {error.args[1]}") from None
        except (OSError, ValueError, RuntimeError) as error:
            raise BadLineError("missing_image", f"{shorten(reference)[:60]}: {explained(error)}") from None


def _target(base: Path, reference: str) -> Path:
    """The file that the reference names, in one of its spellings; raises BadLineError where all lead elsewhere."""
    outside = None
    for spelling in spellings(reference):
        try:
            target = beneath(base, spelling)
        except FormError:
            outside = outside or BadLineError("path_leaves_folder", "it leads out of its file's folder")
            continue
        if target.exists():
            return target
        if target.parent.is_dir() and (
            name := alike(target.name, (entry.name for entry in target.parent.iterdir()))
        ):
            return _target(base, str(target.with_name(name).relative_to(base)))
    raise outside or BadLineError("missing_image", "there is no such file beside its file")


def _passed_over(key: str, notes: Notes) -> bool:
    if is_leftover(key):
        notes.add("leftover", key)
        return True
    return False


def _no_file(path: Path) -> str | None:
    """Why the path is no file to read; None where it is one."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return explained(error)
    if stat.S_ISDIR(mode):
        return "a link to a folder; give that folder itself"
    return None if stat.S_ISREG(mode) else "a pipe, a socket or a device"


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True)
class Landing:
    """Which objects of a landing zone were taken already, by their ETags: one JSON file under home.

    `zone` keeps lakes, sources and buckets apart.
    """

    path: Path
    zone: str

    def knows(self, key: str, etag: str) -> bool:
        return self._all().get(self.zone, {}).get(key) == etag

    def remember(self, etags: dict[str, str]) -> None:
        """Call once the objects' rows are committed: what is forgotten is only read again."""
        zones = self._all()
        zones.setdefault(self.zone, {}).update(etags)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.path, json.dumps(zones, indent=1, sort_keys=True))

    def _all(self) -> dict[str, dict[str, str]]:
        return json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}


@dataclass(frozen=True)
class Zone:
    """Objects under a prefix; those that an earlier run took, by their ETags, are left out."""

    place: Prefix
    landing: Landing
    again: bool = False  # those too
    skipped: list[str] = field(default_factory=list)

    def files(self, notes: Notes) -> list[Found]:
        found = []
        for entry in self.place.list():
            key = self.place.whole(entry.key)
            if _passed_over(entry.key or key, notes):
                continue
            if not self.again and self.landing.knows(key, entry.etag):
                self.skipped.append(key)
                continue
            found.append(Found(f"{S3}{self.place.objects.bucket}/{key}", key, entry.size, entry.etag))
        return found

    @contextmanager
    def local(self, found: Found) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="moderato-") as folder:
            target = Path(folder, posixpath.basename(found.key))
            self.place.objects.download(found.key, target)
            yield target

    def fetch(self, found: Found, reference: str) -> bytes:
        base = posixpath.dirname(found.key)
        outside = None
        for spelling in spellings(reference):
            try:
                return self.place.objects.read(within(base, spelling), MAX_VIDEO_BYTES + 1)
            except FileNotFoundError:
                continue
            except BadLineError as error:
                outside = outside or error
        raise outside or BadLineError(
            "missing_image", f"{shorten(reference)[:60]}: there is no such object beside it"
        )

    def taken(self, files: Sequence[Found]) -> None:
        self.landing.remember({found.key: found.etag for found in files})


def place_of(settings: Settings, source: str, path: str, *, again: bool = False) -> Folder | Zone:
    """Where the path leads; raises UnreadableError."""
    if is_s3(path):
        place = Prefix.of(settings, path)
        zone = f"{settings.lake} {source} {S3}{place.objects.bucket}"
        return Zone(place, Landing(settings.home / "landing.json", zone), again)
    where = Path(path).absolute()
    choices = "give a file, a folder of files or s3://bucket/prefix"
    if not where.exists():
        raise UnreadableError(f"there is nothing at {path!r}{_near(where)}; {choices}")
    if not os.access(where, os.R_OK):
        raise UnreadableError(f"{path!r} may not be read by this user; {choices}")
    if not where.is_dir() and not where.is_file():
        raise UnreadableError(f"{path!r} is a pipe, a socket or a device and may never end; {choices}")
    return Folder(where) if where.is_dir() else Folder(where.parent, where.name)


def _near(missing: Path) -> str:
    """What lies beside the first part of a path that is not there, under a name like it; empty where nothing does."""
    part = next(it for it in (*reversed(missing.parents), missing) if not it.exists())
    try:
        beside = [it.name for it in part.parent.iterdir()]
    except OSError:
        return ""
    near = get_close_matches(part.name, beside, n=3)
    return f"; in {part.parent} there is {', '.join(map(repr, near))}" if near else ""
