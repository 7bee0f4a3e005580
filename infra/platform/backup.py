"""Backup and restore of everything under a home: copies that are whole although the platform goes on writing."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from infra.platform.standing import standing_on
from infra.settings import Settings
from models.errors import UserError

ABOUT = "backup.json"
DATABASES = ("mlflow.db", "prefect/prefect.db")
FOLDERS = ("lake", "mlflow-artifacts", "results", "journal", "landing", "work/candidates")
ADDRESSES = (  # where MLflow's tables name files
    ("runs", "artifact_uri"),
    ("datasets", "dataset_source"),
    ("logged_models", "artifact_location"),
    ("experiments", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)


class BackupError(UserError):
    """A backup that cannot be made, or a folder that holds none."""


def back_up(settings: Settings, folder: Path) -> dict[str, int]:
    """Copy the home's stores into an empty folder; bytes by store.

    Databases first and the lake's manifests last: what a database names is copied after it and is never missing.
    Only what lies under the home is copied; stores elsewhere have their own ways.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BackupError(f"{folder} is not empty; name an empty or a new folder")
    if not settings.home.exists():
        raise BackupError(f"there is nothing to back up: {settings.home} does not exist")
    folder.mkdir(parents=True, exist_ok=True)
    copied = {name: _database(settings.home / name, folder / name) for name in DATABASES}
    copied |= {name: _tree(settings.home / name, folder / name) for name in FOLDERS}
    found = {name: size for name, size in copied.items() if size}
    about = {
        "home": str(settings.home.absolute()),
        "made_at": datetime.now(UTC).isoformat(),
        "moderato": version("moderato"),
        "bytes": found,
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=1))  # last: a backup without it is not whole
    return found


def restore(settings: Settings, folder: Path) -> dict[str, int]:
    """Put a backup into a home that holds nothing yet; bytes by store."""
    if not (folder / ABOUT).exists():
        raise BackupError(
            f"{folder} holds no whole backup: {ABOUT} is missing; moderato backup writes it last"
        )
    if standing_on(settings.home):
        raise BackupError(f"a platform runs on {settings.home}; stop it first")
    taken = [name for name in (*DATABASES, *FOLDERS) if (settings.home / name).exists()]
    if taken:
        raise BackupError(
            f"{settings.home} already holds {', '.join(taken)}; set MODERATO_HOME to a new folder, or move it away"
        )
    about = json.loads((folder / ABOUT).read_text())
    for name in about["bytes"]:
        place = settings.home / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if (folder / name).is_dir():
            shutil.copytree(folder / name, place)
        else:
            shutil.copy2(folder / name, place)
    _move_addresses(settings.home.absolute(), about["home"])
    return dict(about["bytes"])


def _database(source: Path, target: Path) -> int:
    if not source.exists():
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
    return target.stat().st_size


def _tree(source: Path, target: Path) -> int:
    """Copy a folder in which files appear and go.

    A Lance table's manifests are listed first and copied last: each finds every file that it names.
    """
    manifests = [path for path in source.rglob("_versions/*") if path.is_file()]
    others = [path for path in source.rglob("*") if path.is_file() and path.parent.name != "_versions"]
    return sum(_copied(path, target / path.relative_to(source)) for path in (*others, *manifests))


def _copied(path: Path, place: Path) -> int:
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copy2(path, place)
    except FileNotFoundError:
        return 0  # merged away by now
    return place.stat().st_size


def _move_addresses(home: Path, before: str) -> None:
    """MLflow keeps absolute addresses of what lies under the home: name the new one."""
    database = home / "mlflow.db"
    if before == str(home) or not database.exists():
        return
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, column in ADDRESSES:
            connection.execute(
                f"UPDATE {table} SET {column} = replace({column}, ?, ?)",  # noqa: S608 - names of our own
                (before, str(home)),
            )
