"""The journal: decisions are on disk before they are given out, in segments of JSON lines that are shipped to the lake.

Each process has a folder of its own under `journal`, held by a lock that dies with it: what a dead process left
behind is known by its lock being free. Commits are grouped: whatever came while one write was being synced goes into
the next one.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from models.process.atomic_write import sync_names

LOCK, OPEN, SEALED = "lock", ".open", ".sealed"
TRIED = ".tried"  # a segment whose rows may be in the lake already


class JournalError(OSError):
    """A decision could not be made durable, so it must not be given out."""


class Segment:
    """One file that only grows; a write that fails is cut off again, so that it cannot hurt the next one."""

    def __init__(self, path: Path) -> None:
        self.path, self.size = path, 0
        self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)

    def append(self, lines: bytes) -> None:
        """Returns when the lines are on disk; raises OSError where they are not."""
        try:
            view = memoryview(lines)
            while view:
                view = view[os.write(self._file, view) :]
            os.fdatasync(self._file)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self.size)
            raise
        self.size += len(lines)

    def seal(self) -> None:
        os.close(self._file)
        self.path.rename(self.path.with_suffix(SEALED))


class Journal:
    """The segments of one process. `commit` belongs to the event loop; `seal` may be called from any thread."""

    def __init__(self, root: Path) -> None:
        self.folder = root / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.folder.mkdir(parents=True)
        self._lock = _locked(self.folder)
        self._writer = ThreadPoolExecutor(1, "journal")
        self._segment: Segment | None = None
        self._number = 0
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def commit(self, lines: bytes) -> None:
        """Returns when the lines are on disk; raises JournalError."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((lines, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            lines = b"".join(lines for lines, _ in group)
            error = await asyncio.get_running_loop().run_in_executor(self._writer, self._append, lines)
            for _, done in group:
                if error is None:
                    done.set_result(None)
                else:
                    done.set_exception(error)

    def _append(self, lines: bytes) -> JournalError | None:
        try:
            if self._segment is None:
                self._number += 1
                self._segment = Segment(self.folder / f"{self._number:08}{OPEN}")
                sync_names(self.folder)
            self._segment.append(lines)
        except OSError as error:
            self._seal()
            return JournalError(*error.args)
        return None

    def seal(self) -> list[Path]:
        """Segments that no longer grow, oldest first; what was written until now is in one of them."""
        self._writer.submit(self._seal).result()
        return sealed(self.folder)

    def _seal(self) -> None:
        segment, self._segment = self._segment, None
        if segment is not None:
            with suppress(OSError):
                segment.seal()

    def close(self) -> None:
        """Let go of the folder; removes it where everything was shipped."""
        self.seal()
        self._writer.shutdown()
        _remove(self.folder)
        os.close(self._lock)


def sealed(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SEALED}"))


def abandoned(root: Path) -> Iterator[Path]:
    """Folders of processes that are gone, each locked while the caller works on it, and removed once it is empty."""
    for folder in sorted(root.glob("*/")):
        try:
            lock = _locked(folder)
        except OSError:  # its process lives
            continue
        try:
            for path in folder.glob(f"*{OPEN}"):
                path.rename(path.with_suffix(SEALED))
            yield folder
            _remove(folder)
        finally:
            os.close(lock)


def _remove(folder: Path) -> None:
    if [path.name for path in folder.iterdir()] == [LOCK]:
        with suppress(OSError):
            (folder / LOCK).unlink()
            folder.rmdir()


def _locked(folder: Path) -> int:
    """A lock that ends with this process; raises OSError where another one holds it."""
    lock = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock
