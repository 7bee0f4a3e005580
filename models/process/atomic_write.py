"""Files and folders that are there in full or not at all: written aside, synced to the disk, put in place by a rename.

A process that is killed leaves what there was before, a machine that loses its power too: a name reaches the disk after
the bytes that it names.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

BEFORE = ".before"  # what a folder was, while the next takes its place
UNSYNCABLE = {
    errno.EINVAL,
    errno.ENOTSUP,
    errno.EACCES,
}  # a network disk's folder, or one that may not be listed

LOCKLESS = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EINVAL}  # a network disk's answer
NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW


def write_text(target: Path, text: str) -> None:
    """The file with this text, in UTF-8."""
    write_bytes(target, text.encode())


def write_bytes(target: Path, data: bytes) -> None:
    with whole_file(target) as aside:
        aside.write_bytes(data)


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """An empty file in the target's folder to write to, which takes its place when the block ends well.

    The target's permissions are kept. After an exception there is what was there before, and nothing beside it.
    """
    aside, lock = _own(target, folder=False)
    try:
        yield aside
        with suppress(FileNotFoundError):
            aside.chmod(stat.S_IMODE(target.stat().st_mode))
        put_in_place(aside, target)
    except BaseException:
        if _is_there(aside, lock):  # else it is in place, and the next writer's lies here
            aside.unlink(missing_ok=True)
        raise
    finally:
        os.close(lock)


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """The same for a folder with all that is in it; those above are made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside, lock = _own(target, folder=True)
    try:
        yield aside
        put_in_place(aside, target)
    except BaseException:
        if _is_there(aside, lock):  # as above
            shutil.rmtree(aside, ignore_errors=True)
        raise
    finally:
        os.close(lock)


def put_in_place(aside: Path, target: Path) -> None:
    """Sync a file or a folder that was written on the target's disk, and rename it to the target.

    A folder cannot take the place of another in one step: what was there is called `<name>.before` in between.
    """
    sync(aside)
    before = target.with_name(target.name + BEFORE)
    if aside.is_dir() and (target.exists() or target.is_symlink()):
        _remove(before)
        target.rename(before)
    aside.rename(target)
    sync_names(target.parent)
    if target.is_dir():
        _remove(before)


def sync(path: Path) -> None:
    """Make a file, or all that is in a folder, durable."""
    for folder, _, names in os.walk(path):
        for name in names:
            _sync_file(Path(folder, name))
        sync_names(Path(folder))
    if path.is_file():
        _sync_file(path)


def sync_names(folder: Path) -> None:
    """Make the names of what lies in a folder durable, where its file system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in UNSYNCABLE:
            raise


def _sync_file(path: Path) -> None:
    if path.is_symlink() or not path.is_file():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _own(target: Path, *, folder: bool) -> tuple[Path, int]:
    """An empty file or folder beside the target, and the lock by which it is this writer's alone.

    A lock dies with its process: the next writer takes what a killed one left, and so no more than one lies there.
    Where a disk has no locks, each writer has a name of its own.
    """
    number = 0
    while True:
        aside = target.with_name(f".{target.name}{f'.{number}' if number else ''}.partial")
        try:
            lock = _locked(aside, folder=folder)
        except OSError as error:
            if error.errno not in LOCKLESS:
                raise
            _remove(aside)  # in which nobody writes
            aside = target.with_name(f".{target.name}.{secrets.token_hex(8)}.partial")
            return aside, _opened(aside, folder=folder)
        if lock is None:
            number += 1
        elif _is_there(aside, lock):
            _empty(aside, lock)
            return aside, lock
        else:
            os.close(lock)


def _locked(aside: Path, *, folder: bool) -> int | None:
    """A handle that holds the lock; None where another writer holds it. Raises OSError where there are no locks."""
    handle = _opened(aside, folder=folder)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return handle


def _opened(aside: Path, *, folder: bool) -> int:
    if not folder:
        return os.open(aside, NEW_FILE, 0o666)
    while True:
        aside.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):  # its writer has just put it in place
            return os.open(aside, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def _is_there(aside: Path, handle: int) -> bool:
    """Whether what was opened still lies there: until it was locked, its writer may have put it in place."""
    try:
        return os.path.samestat(os.fstat(handle), aside.stat())
    except FileNotFoundError:
        return False


def _empty(aside: Path, handle: int) -> None:
    if aside.is_dir():
        for left in aside.iterdir():
            _remove(left)
    else:
        os.ftruncate(handle, 0)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
