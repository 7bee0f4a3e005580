"""Backup of everything under a home: copies that are whole although the platform goes on writing."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from infra.platform.manifest import (
    ABOUT,
    DATABASES,
    FILES,
    FOLDERS,
    FORMAT,
    RESULTS,
    BackupError,
    Kept,
    Manifest,
)
from infra.private import make_private
from infra.results import is_plain
from infra.settings import Settings
from models.process.atomic_write import write_text

CHUNK_BYTES = 1 << 20
READ_ATTEMPTS = 20  # at a journal whose segments are renamed while it is copied
DATABASE, BESIDE = ".db", (".db-wal", ".db-shm", ".db-journal")  # SQLite's, and what it keeps beside them
SEGMENTS = (".open", ".sealed", ".tried")  # a segment's names, in the order in which it has them


def back_up(settings: Settings, folder: Path) -> Manifest:
    """Copy the home's stores into an empty folder, which is nobody else's; raises BackupError.

    The journal first: what is shipped in the meantime is in the lake then, and what is in both is merged when it is
    shipped again. Databases before what they name, and the lake's manifests last. Only what lies under the home is
    copied; stores elsewhere have their own ways.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BackupError(f"{folder} is not empty; name an empty or a new folder")
    if not settings.home.exists():
        raise BackupError(f"there is nothing to back up: {settings.home} does not exist")
    make_private(folder)
    with _one_line():
        return _Copy(settings.home, folder).made()


class _Copy:
    """A home on its way into a folder, and what is in that by now."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.home, self.folder = home, folder
        self.files: dict[str, Kept] = {}
        self.left_out: Counter[str] = Counter()

    def made(self) -> Manifest:
        self._journal()
        for name in DATABASES:
            self._database(name)
        for name in FOLDERS:
            self._tree(name)
        for name in FILES:
            self._take(self.home / name)
        about = Manifest(
            format=FORMAT,
            home=str(self.home.absolute()),
            made_at=datetime.now(UTC).isoformat(),
            moderato=version("moderato"),
            bytes=self._by_store(),
            files=self.files,
            left_out=dict(self.left_out),
        )
        os.sync()  # what it names is on the disk before it: a backup without it is not whole
        write_text(self.folder / ABOUT, about.model_dump_json(indent=1))
        return about

    def _by_store(self) -> dict[str, int]:
        sizes = {
            name: sum(
                kept.bytes for path, kept in self.files.items() if path == name or path.startswith(f"{name}/")
            )
            for name in (*DATABASES, *FOLDERS, *FILES)
        }
        return {name: size for name, size in sizes.items() if size}

    def _database(self, name: str) -> None:
        source, target = self.home / name, self.folder / name
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
                live.backup(copy)
            self._note(name, target.stat().st_size, _digest(target))

    def _journal(self) -> None:
        """Segments are renamed while they are shipped: look again until none was missed, and keep each once."""
        for _ in range(READ_ATTEMPTS):
            found = [path for path in (self.home / "journal").rglob("*") if path.is_file()]
            missed = [path for path in found if not self._take(path)]
            if not missed:
                break
        for path in sorted((self.folder / "journal").rglob("0*")):
            newer = SEGMENTS[SEGMENTS.index(path.suffix) + 1 :] if path.suffix in SEGMENTS else ()
            if any(path.with_suffix(suffix).exists() for suffix in newer):  # it holds all that this one does
                path.unlink()
                del self.files[path.relative_to(self.folder).as_posix()]

    def _tree(self, name: str) -> None:
        """Copy a folder in which files appear and go.

        A Lance table's manifests are listed first and copied last: each finds every file that it names.
        """
        root = self.home / name
        manifests = [path for path in root.rglob("_versions/*") if path.is_file()]
        others = [path for path in root.rglob("*") if path.is_file() and path.parent.name != "_versions"]
        for path in (*others, *manifests):
            if name == RESULTS and not is_plain(path.read_bytes()):
                self.left_out[RESULTS] += 1  # of an older release, which kept pickles: its step runs again
            elif path.suffix == DATABASE:  # a search's study, which may be written to
                self._database(path.relative_to(self.home).as_posix())
            elif name != "journal" and not path.name.endswith(BESIDE):
                self._take(path)

    def _take(self, path: Path) -> bool:
        """Copy one file, if it is still there."""
        name = path.relative_to(self.home).as_posix()
        try:
            source = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            return False  # merged away by now, or never there
        self._note(name, *copied(source, self.folder / name))
        return True

    def _note(self, name: str, size: int, digest: str) -> None:
        self.files[name] = Kept(bytes=size, sha256=digest)


def copied(source: int, target: Path) -> tuple[int, str]:
    """Size and SHA-256 of what was written to `target`, from an open file that is closed in the end."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with os.fdopen(source, "rb") as file, target.open("wb") as out:
        while block := file.read(CHUNK_BYTES):
            digest.update(block)
            size += out.write(block)
        times = os.fstat(file.fileno())
    os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
    return size, digest.hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"the backup is not whole: {error}; make room, and name a new folder") from None
