"""The MLflow store: made once, quiet, whichever of several processes comes first."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from infra.knock import knock, not_reached
from infra.objects import UnreachableError
from infra.secrets import masked
from infra.settings import Settings
from models.domain.errors import UserError
from models.process.atomic_write import put_in_place

if TYPE_CHECKING:
    from mlflow import MlflowClient

QUIET_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_UV_AUTO_DETECT": "false",
    "MLFLOW_DISABLE_MODEL_INPUT_DATA_PRINT": "true",
}


EXPERIMENT = {
    "mlflow.experimentKind": "custom_model_development",  # the page opens on runs, not on traces
    "mlflow.note.content": "Retrainings of the content-safety classifier. Each run is one candidate, from its snapshot "
    "to its verdict; its children hold the course of training, every figure with its interval, and the canary.",
}


PORTS = {
    "http": 80,
    "https": 443,
    "postgresql": 5432,
    "mysql": 3306,
    "mssql": 1433,
}  # by scheme, where none is given


class DeletedExperimentError(UserError):
    """The experiment of the retrainings was deleted in MLflow, where it can be restored."""


def is_empty(settings: Settings) -> bool:
    """Whether nothing was ever kept in the embedded store; quick, and true of no other store."""
    return not settings.mlflow_tracking_uri and not (settings.home / "mlflow.db").exists()


def error_code(error: Exception) -> str:
    """What MLflow calls the error; empty for one that is not MLflow's. Good without its import."""
    return str(getattr(error, "error_code", ""))


@contextmanager
def leaving_refusals() -> Iterator[None]:
    """What MLflow refuses in here is left undone."""
    try:
        yield
    except Exception as error:
        if not error_code(error):
            raise


def connect(settings: Settings) -> MlflowClient:
    """A client of the store, whose tables are made where they are missing. Raises UnreachableError."""
    _knock(settings.tracking_uri)
    for name, value in QUIET_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import mlflow

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    mlflow.set_tracking_uri(settings.tracking_uri)  # logged models are found through this global only
    with _held(settings), warnings.catch_warnings():  # two processes would race on migrations
        warnings.simplefilter("ignore", UserWarning)  # alembic's, about MLflow's own tables
        _make_embedded(settings)
        client = mlflow.MlflowClient(settings.tracking_uri)
        client.search_registered_models(max_results=1)
    return client


def _knock(address: str) -> None:
    """MLflow, as its database's client, tries for four minutes. Raises UnreachableError."""
    try:
        knock(address, PORTS.get(address.partition(":")[0].partition("+")[0]))
    except (OSError, ValueError) as error:  # also a port that is no number
        told = not_reached("MLflow", f"{masked(address)}: {error}", "MODERATO_MLFLOW_TRACKING_URI")
        raise UnreachableError(told) from error


def make_embedded(settings: Settings) -> None:
    """The embedded store's database, made where it is missing or was left half made; no other store is touched."""
    with _held(settings):
        _make_embedded(settings)


def _make_embedded(settings: Settings) -> None:
    """Aside, and put in place whole: MLflow's migrations of SQLite are no transaction, and a database that a killed
    process left between two of them is one that no MLflow opens again.
    """
    database = settings.home / "mlflow.db"
    if settings.mlflow_tracking_uri or _whole(database):
        return
    import mlflow

    aside = settings.home / "mlflow.making"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    made = aside / database.name
    client = mlflow.MlflowClient(f"sqlite:///{made.absolute()}")
    client.search_registered_models(max_results=1)
    client.search_experiments(max_results=1)  # the default one is the last thing that is made
    put_in_place(made, database)
    aside.rmdir()


def _whole(database: Path) -> bool:
    """False where there is none, and where its making was cut short before anything could be kept in it.

    One that cannot be read at all is left as it is: MLflow says what is wrong with it.
    """
    if not database.exists():
        return False
    try:
        with closing(sqlite3.connect(database)) as connection:
            return connection.execute("SELECT 1 FROM experiments").fetchone() is not None
    except sqlite3.DatabaseError as error:
        return "no such table" not in str(error)


def _held(settings: Settings) -> FileLock:
    """One lock a process, which may be taken again within itself."""
    settings.home.mkdir(parents=True, exist_ok=True)
    return FileLock(settings.home / "mlflow.lock", is_singleton=True)


def experiment(settings: Settings, client: MlflowClient) -> str:
    """The id of the experiment, made where it is missing with artifacts where the settings want them.

    Raises DeletedExperimentError.
    """
    with _held(settings):
        found: Any = client.get_experiment_by_name(settings.experiment)
        if found and found.lifecycle_stage == "deleted":
            # an address of one's own may hold a password
            where = "" if settings.mlflow_tracking_uri else f"MLFLOW_TRACKING_URI={settings.tracking_uri} "
            raise DeletedExperimentError(
                f"the experiment {settings.experiment!r} was deleted in MLflow; bring it back with "
                f"{where}mlflow experiments restore --experiment-id {found.experiment_id}, "
                "or name another one by MODERATO_EXPERIMENT"
            )
        if found:
            return str(found.experiment_id)
        embedded = not settings.mlflow_tracking_uri
        location = settings.artifact_uri if embedded else settings.mlflow_artifact_uri or None
        return str(client.create_experiment(settings.experiment, artifact_location=location, tags=EXPERIMENT))
