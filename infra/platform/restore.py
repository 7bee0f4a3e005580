"""A backup put back: every file is checked aside, beside the home, and takes its place only when all are whole."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from infra.forms import FormError, beneath
from infra.home import standing_on
from infra.platform.backup import copied
from infra.platform.manifest import DATABASES, FILES, FOLDERS, RESULTS, BackupError, Kept, Manifest, store_of
from infra.private import make_private
from infra.results import is_plain
from infra.settings import Settings

ADDRESSES = (  # where MLflow's tables name files
    ("runs", "artifact_uri"),
    ("datasets", "dataset_source"),
    ("logged_models", "artifact_location"),
    ("experiments", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)
STORES = (*FOLDERS, *FILES, *DATABASES)  # databases last, where they cannot be moved at once
NOTHING = "nothing was restored"


def restore(settings: Settings, folder: Path) -> Manifest:
    """Put a backup into a home that holds nothing yet; raises BackupError, and then the home is as it was.

    What is killed on the way leaves the home as it was too, or whole; the next call takes away what lies aside.
    """
    about, home = Manifest.read(folder), settings.home.absolute()
    if standing_on(home):
        raise BackupError(f"a platform runs on {settings.home}; stop it first")
    taken = [name for name in STORES if (home / name).exists()]
    if taken:
        raise BackupError(
            f"{settings.home} already holds {', '.join(taken)}; set MODERATO_HOME to a new folder, or move it away"
        )
    try:
        with _aside(home.resolve()) as stage:
            about = _bring(about, folder, stage)
            _move_addresses(stage, about.home, str(home))
            os.sync()  # names follow their bytes to the disk
            _swap(stage, home.resolve())
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"{folder} cannot be restored: {error}; {NOTHING}") from None
    return about


@contextmanager
def _aside(home: Path) -> Iterator[Path]:
    """A folder on the home's own disk that is one restore's alone; gone in the end, save where it became the home."""
    inside = os.path.ismount(home) or (home.exists() and not os.access(home.parent, os.W_OK))
    stage = (home if inside else home.parent) / f".{home.name}.restoring"
    make_private(stage)
    lock = os.open(stage, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"another restore into {home} is under way; wait for it") from None
        for left in stage.iterdir():  # by one that was killed
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        yield stage / "home"
        shutil.rmtree(stage, ignore_errors=True)
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise
    finally:
        os.close(lock)


def _bring(about: Manifest, folder: Path, stage: Path) -> Manifest:
    """Every file of the backup, checked on its way; what a backup of an older release cannot vouch for stays out."""
    stage.mkdir()
    files: dict[str, Kept | None] = dict(about.files) if about.format > 1 else dict(_listed(about, folder))
    left_out = dict(about.left_out)
    for name, kept in files.items():
        store = store_of(name)
        target = _place(stage, name)
        _check(name, copied(_opened(folder, name), target), kept)
        if store == RESULTS and not is_plain(target.read_bytes()):
            if kept is not None:
                raise BackupError(
                    f"{name} of the backup is no plain result of a step and might run as code; {NOTHING}"
                )
            target.unlink()
            left_out[RESULTS] = left_out.get(RESULTS, 0) + 1
    return about.model_copy(update={"left_out": left_out})


def _listed(about: Manifest, folder: Path) -> Iterator[tuple[str, None]]:
    """The files of a backup of format 1, which named its stores alone."""
    for name in about.bytes:
        root = folder / name
        found = [root] if not root.is_dir() else [path for path in root.rglob("*") if not path.is_dir()]
        yield from ((path.relative_to(folder).as_posix(), None) for path in found)


def _place(stage: Path, name: str) -> Path:
    """Where a file of the backup belongs; a path that goes up would leave its store, if not the home."""
    try:
        target = beneath(stage, name)
    except FormError:
        target = None
    if target is None or target != stage.resolve() / name:
        raise BackupError(f"the backup names {name[:80]!r}, which leads out of the home; {NOTHING}")
    return target


def _opened(folder: Path, name: str) -> int:
    """A plain file of the backup; no link on the way to it, no pipe or device."""
    place = folder.resolve() / name
    if place.resolve() != place:
        raise BackupError(f"{name} of the backup is a link or leads over one; {NOTHING}")
    try:
        found = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise BackupError(f"{name} is missing from the backup; {NOTHING}") from None
    if not stat.S_ISREG(os.fstat(found).st_mode):
        os.close(found)
        raise BackupError(f"{name} of the backup is no file; {NOTHING}")
    return found


def _check(name: str, found: tuple[int, str], kept: Kept | None) -> None:
    if kept is not None and found != (kept.bytes, kept.sha256):
        raise BackupError(
            f"{name} of the backup is not what was backed up: {found[0]:,} bytes of SHA-256 {found[1][:12]}, "
            f"{kept.bytes:,} of {kept.sha256[:12]} were written; {NOTHING}"
        )


def _swap(stage: Path, home: Path) -> None:
    """The home as it was goes aside, by a name that says so, where it held anything; then the new one is there."""
    if stage.is_relative_to(
        home
    ):  # a container's volume: it cannot be renamed, its stores can, the databases last
        for name in STORES:
            if (stage / name).exists():
                (home / name).parent.mkdir(parents=True, exist_ok=True)
                (stage / name).rename(home / name)
        return
    if home.exists() and any(home.iterdir()):  # logs, locks, Prefect's profile
        home.rename(next(it for it in _names(home) if not it.exists()))
    stage.rename(home)


def _names(home: Path) -> Iterator[Path]:
    return (home.with_name(f"{home.name}.before-restore{number or ''}") for number in itertools.count())


def _move_addresses(stage: Path, before: str, after: str) -> None:
    """What was kept names files under the home by their whole path: name the new one."""
    if before == after:
        return
    before, after = f"{before.rstrip('/')}/", f"{after}/"
    texts = (
        *(path for path in (stage / RESULTS).rglob("*") if path.is_file()),
        *(stage / name for name in FILES),
    )
    for path in texts:
        if path.exists():
            path.write_bytes(path.read_bytes().replace(_quoted(before), _quoted(after)))
    database = stage / "mlflow.db"
    if database.exists():
        with closing(sqlite3.connect(database)) as connection, connection:
            for table, column in ADDRESSES:
                connection.execute(
                    f"UPDATE {table} SET {column} = replace({column}, ?, ?)",  # noqa: S608 - names of our own
                    (before, after),
                )


def _quoted(path: str) -> bytes:
    """A path as JSON has it, without its quotes."""
    return json.dumps(path, ensure_ascii=False)[1:-1].encode()
