"""Where PATH leads: a file, a folder of files, or a landing zone under s3://."""

from __future__ import annotations

import os
import posixpath
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from infra.ingest.landing import Landing
from infra.ingest.lines import BadLineError
from infra.ingest.reject import shorten
from infra.objects import SCHEME, Objects, split
from infra.settings import Settings
from models.errors import UserError
from models.video import MAX_BYTES


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
    def files(self) -> list[Found]:
        """The files, in the order of their names."""

    def local(self, found: Found) -> AbstractContextManager[Path]:
        """A context in which the file lies on this machine."""

    def fetch(self, found: Found, reference: str) -> bytes:
        """An image beside the file; raises BadLineError."""


@dataclass(frozen=True)
class Folder:
    """A folder, or one file of it where `only` names it."""

    root: Path
    only: str = ""

    def files(self) -> list[Found]:
        keys = [self.only] if self.only else sorted(self._walk())
        return [Found(str(self.root / key), key, os.lstat(self.root / key).st_size) for key in keys]

    def _walk(self) -> Iterator[str]:
        for folder, folders, names in os.walk(self.root):
            links = [name for name in folders if Path(folder, name).is_symlink()]
            for name in (*names, *links):
                if not name.startswith("."):
                    yield str(Path(folder, name).relative_to(self.root))

    @contextmanager
    def local(self, found: Found) -> Iterator[Path]:
        yield self.root / found.key

    def fetch(self, found: Found, reference: str) -> bytes:
        beside = (self.root / found.key).parent
        return self.read(beside, reference)

    def read(self, folder: Path, reference: str) -> bytes:
        """At most MAX_BYTES + 1 bytes of a file that lies in the folder, links followed; raises BadLineError."""
        base = folder.resolve()
        target = (base / reference).resolve()
        if not target.is_relative_to(base):
            raise BadLineError("path_leaves_folder", shorten(reference))
        try:
            with target.open("rb") as stream:
                return stream.read(MAX_BYTES + 1)
        except OSError as error:
            raise BadLineError("missing_image", f"{shorten(reference)}: {error.strerror}") from None


@dataclass(frozen=True)
class Zone:
    """Objects under a prefix; those that an earlier run took, by their ETags, are left out."""

    objects: Objects
    prefix: str
    landing: Landing
    skipped: list[str] = field(default_factory=list)

    def files(self) -> list[Found]:
        inside = self.prefix.rstrip("/") + "/" if self.prefix else ""
        found = []
        for entry in self.objects.list(self.prefix):
            if entry.key != self.prefix and not entry.key.startswith(inside):
                continue
            if entry.key.endswith("/"):
                continue
            if self.landing.knows(entry.key, entry.etag):
                self.skipped.append(entry.key)
                continue
            name = f"{SCHEME}{self.objects.bucket}/{entry.key}"
            found.append(Found(name, entry.key, entry.size, entry.etag))
        return found

    @contextmanager
    def local(self, found: Found) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="moderato-") as folder:
            target = Path(folder, posixpath.basename(found.key))
            self.objects.download(found.key, target)
            yield target

    def fetch(self, found: Found, reference: str) -> bytes:
        base = posixpath.dirname(found.key)
        key = posixpath.normpath(posixpath.join(base, reference))
        if reference.startswith("/") or (base and not key.startswith(base + "/")) or key.startswith("../"):
            raise BadLineError("path_leaves_folder", shorten(reference))
        try:
            return self.objects.read(key, MAX_BYTES + 1)
        except FileNotFoundError:
            raise BadLineError("missing_image", shorten(reference)) from None

    def taken(self, files: Sequence[Found]) -> None:
        self.landing.remember({found.key: found.etag for found in files})


def place_of(settings: Settings, source: str, path: str) -> Folder | Zone:
    """Where the path leads; raises UnreadableError."""
    if path.startswith(SCHEME):
        bucket, prefix = split(path)
        landing = Landing(settings.home / "landing.json", f"{settings.lake} {source} {SCHEME}{bucket}")
        return Zone(Objects(settings, bucket), prefix, landing)
    where = Path(path).absolute()
    choices = "give a file, a folder of files or s3://bucket/prefix"
    if not where.exists():
        raise UnreadableError(f"there is nothing at {path!r}{_near(where)}; {choices}")
    if not os.access(where, os.R_OK):
        raise UnreadableError(f"{path!r} may not be read by this user; {choices}")
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
