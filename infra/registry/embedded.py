"""The embedded MLflow store, read and written without MLflow, whose import takes longer than all else that a quick
command does.

Only where the store is the SQLite file of this home, its tables are those of REVISION, and MLflow is not imported
anyway. What this client does not know it asks of MLflow's own, so that both can be held for the same.
"""

from __future__ import annotations

import re
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from mlflow import MlflowClient

REVISION = "dc11669786a5"  # of MLflow 3.17's tables; another one is left to MLflow
BUSY_SECONDS = 30.0  # that another writer may take
WORKSPACE = "default"
DELETED = "Deleted_Internal"  # stage of a version that is gone
VERSIONS = re.compile(r"name = '([^'\\]*)'(?: and tags\.`([^`]+)` = '([^'\\]*)')?")
RUNS = re.compile(r"tags\.`([^`]+)` != ''")
NEWEST = ["attributes.start_time DESC"]
VERSION = """
SELECT version, creation_time, description, run_id FROM model_versions
WHERE workspace = ? AND name = ? AND current_stage != ?
"""
TAGS = "SELECT key, value FROM model_version_tags WHERE workspace = ? AND name = ? AND version = ?"
ALIASES = "SELECT alias FROM registered_model_aliases WHERE workspace = ? AND name = ? AND version = ? ORDER BY alias"
SET_ALIAS = (
    "INSERT OR REPLACE INTO registered_model_aliases (workspace, name, alias, version) VALUES (?, ?, ?, ?)"
)
SET_TAG = (
    "INSERT OR REPLACE INTO model_version_tags (workspace, name, version, key, value) VALUES (?, ?, ?, ?, ?)"
)
RUN = "SELECT run_uuid, name, status, start_time FROM runs WHERE lifecycle_stage = 'active'"
NEWEST_RUNS = (
    f"{RUN} AND experiment_id = ? AND run_uuid IN (SELECT run_uuid FROM tags WHERE key = ? AND value != '') "  # noqa: S608
    "ORDER BY start_time DESC, run_uuid LIMIT ?"
)


class AbsentError(Exception):
    """There is no such model, version or alias, said as MLflow says it."""

    error_code = "RESOURCE_DOES_NOT_EXIST"


class Page(list[Any]):
    """All that was found."""

    token = None


def fits(database: Path) -> bool:
    """Whether the store at this path can be read and written here, and is quicker so."""
    if "mlflow" in sys.modules or not database.exists():
        return False
    try:
        with closing(sqlite3.connect(database, timeout=BUSY_SECONDS)) as connection:
            return connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(REVISION,)]
    except sqlite3.DatabaseError:
        return False


class EmbeddedClient:
    """Answers as MlflowClient does in what quick commands ask of it; raises AbsentError where that says not found."""

    def __init__(self, database: Path, connect: Callable[[], MlflowClient]) -> None:
        self._database, self._connect = database, connect

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mlflow, name)

    @cached_property
    def _mlflow(self) -> MlflowClient:
        return self._connect()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """One transaction."""
        with closing(sqlite3.connect(self._database, timeout=BUSY_SECONDS)) as connection, connection:
            connection.execute("PRAGMA foreign_keys = ON")
            yield connection

    def get_model_version_by_alias(self, name: str, alias: str) -> Any:
        query = "SELECT version FROM registered_model_aliases WHERE workspace = ? AND name = ? AND alias = ?"
        with self._open() as connection:
            found = connection.execute(query, (WORKSPACE, name, alias)).fetchone()
        if not found:
            raise AbsentError(f"no alias {alias} of {name}")
        return self.get_model_version(name, found[0])

    def get_model_version(self, name: str, version: str | int) -> Any:
        with self._open() as connection:
            return _version(connection, name, version)

    def search_model_versions(self, query: str, page_token: str | None = None) -> Page:
        asked = VERSIONS.fullmatch(query)
        if not asked or page_token:
            return cast("Page", self._mlflow.search_model_versions(query, page_token=page_token))
        name, key, value = asked.groups()
        with self._open() as connection:
            numbers = connection.execute(VERSION, (WORKSPACE, name, DELETED)).fetchall()
            found = [_version(connection, name, number) for number, *_ in numbers]
        return Page(it for it in found if key is None or it.tags.get(key) == value)

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        with self._open() as connection:
            _version(connection, name, version)
            connection.execute(SET_ALIAS, (WORKSPACE, name, alias, int(version)))

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        with self._open() as connection:
            connection.execute(
                "DELETE FROM registered_model_aliases WHERE workspace = ? AND name = ? AND alias = ?",
                (WORKSPACE, name, alias),
            )

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        with self._open() as connection:
            _version(connection, name, version)
            connection.execute(SET_TAG, (WORKSPACE, name, int(version), key, str(value)))

    def update_model_version(self, name: str, version: str, description: str) -> None:
        with self._open() as connection:
            _version(connection, name, version)
            connection.execute(
                "UPDATE model_versions SET description = ?, last_updated_time = ? "
                "WHERE workspace = ? AND name = ? AND version = ?",
                (description, int(time.time() * 1000), WORKSPACE, name, int(version)),
            )

    def get_registered_model(self, name: str) -> Any:
        with self._open() as connection:
            _model(connection, name)
            query = "SELECT key, value FROM registered_model_tags WHERE workspace = ? AND name = ?"
            return SimpleNamespace(name=name, tags=dict(connection.execute(query, (WORKSPACE, name))))

    def set_registered_model_tag(self, name: str, key: str, value: str) -> None:
        with self._open() as connection:
            _model(connection, name)
            connection.execute(
                "INSERT OR REPLACE INTO registered_model_tags (workspace, name, key, value) VALUES (?, ?, ?, ?)",
                (WORKSPACE, name, key, value),
            )

    def get_experiment_by_name(self, name: str) -> Any:
        query = "SELECT experiment_id, lifecycle_stage FROM experiments WHERE workspace = ? AND name = ?"
        with self._open() as connection:
            found = connection.execute(query, (WORKSPACE, name)).fetchone()
        return SimpleNamespace(experiment_id=str(found[0]), lifecycle_stage=found[1]) if found else None

    def get_run(self, run_id: str) -> Any:
        with self._open() as connection:
            found = connection.execute(f"{RUN} AND run_uuid = ?", (run_id,)).fetchone()
            if not found:
                raise AbsentError(f"no run {run_id}")
            return _run(connection, found)

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        self.get_run(run_id)
        with self._open() as connection:
            row = (run_id, key, str(value))
            connection.execute("INSERT OR REPLACE INTO tags (run_uuid, key, value) VALUES (?, ?, ?)", row)

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        if status is not None or name is None:
            self._mlflow.update_run(run_id, status, name)
            return
        self.set_tag(run_id, "mlflow.runName", name)
        with self._open() as connection:
            connection.execute("UPDATE runs SET name = ? WHERE run_uuid = ?", (name, run_id))

    def search_runs(
        self,
        experiment_ids: list[str],
        filter_string: str = "",
        max_results: int = 1000,
        order_by: Any = None,
    ) -> Sequence[Any]:
        asked = RUNS.fullmatch(filter_string)
        if not asked or order_by != NEWEST or len(experiment_ids) != 1:
            found = self._mlflow.search_runs(experiment_ids, filter_string, 1, max_results, order_by)
            return cast("Sequence[Any]", found)
        with self._open() as connection:
            rows = connection.execute(NEWEST_RUNS, (int(experiment_ids[0]), asked[1], max_results)).fetchall()
            return [_run(connection, row) for row in rows]


def _model(connection: sqlite3.Connection, name: str) -> None:
    query = "SELECT 1 FROM registered_models WHERE workspace = ? AND name = ?"
    if not connection.execute(query, (WORKSPACE, name)).fetchone():
        raise AbsentError(f"no registered model {name}")


def _version(connection: sqlite3.Connection, name: str, version: str | int) -> Any:
    row = connection.execute(
        f"{VERSION} AND version = ?", (WORKSPACE, name, DELETED, int(version))
    ).fetchone()
    if not row:
        raise AbsentError(f"no version {version} of {name}")
    same = (WORKSPACE, name, int(version))
    tags, aliases = connection.execute(TAGS, same), connection.execute(ALIASES, same)
    return SimpleNamespace(
        name=name,
        version=row[0],
        creation_timestamp=row[1],
        description=row[2],
        run_id=row[3],
        tags=dict(tags),
        aliases=[alias for (alias,) in aliases],
    )


def _run(connection: sqlite3.Connection, row: Sequence[Any]) -> Any:
    run_id, name, status, start_time = row
    tags = connection.execute("SELECT key, value FROM tags WHERE run_uuid = ?", (run_id,))
    metrics = connection.execute(
        "SELECT key, value FROM latest_metrics WHERE run_uuid = ? AND NOT is_nan", (run_id,)
    )
    info = SimpleNamespace(run_id=run_id, run_name=name, status=status, start_time=start_time)
    return SimpleNamespace(info=info, data=SimpleNamespace(tags=dict(tags), metrics=dict(metrics)))
