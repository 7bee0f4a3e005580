"""Train a candidate on a snapshot; a run that was killed goes on from its last checkpoint."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout
from prefect import task

from infra.energy import metered
from infra.registry import Registry
from infra.registry.runs import LifecycleRun
from infra.settings import Settings
from models.errors import UserError
from tasks.caching import ON_DATA_AND_CONFIGURATION
from tasks.handle import Handle
from tasks.retrying import PATIENT
from tasks.run import Run
from tasks.snapshot import Snapshot


class TrainingInProgressError(UserError):
    """Another process trains this very candidate."""


class Candidate(Handle):
    """A trained model that nobody has judged yet; `folder` holds it under `model/`."""

    key: str
    run_id: str
    folder: Path
    snapshot: Snapshot
    preset: str
    seed: int


@task(name="train", cache_policy=ON_DATA_AND_CONFIGURATION, persist_result=True, **PATIENT)
def train(settings: Settings, run: Run, snapshot: Snapshot, preset: str, seed: int) -> Candidate:
    """Fit `preset` on the snapshot's training split and leave the exported model in the candidate's folder."""
    folder = settings.work / "candidates" / run.key[:16]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "lock", timeout=0):
            _fit(settings, run, snapshot, preset, seed, folder)
    except Timeout:
        raise TrainingInProgressError(
            f"another process is training candidate {run.key[:16]}; wait for it, or stop it and run this again"
        ) from None
    return Candidate(
        key=run.key, run_id=run.run_id, folder=folder, snapshot=snapshot, preset=preset, seed=seed
    )


def _fit(settings: Settings, run: Run, snapshot: Snapshot, preset: str, seed: int, folder: Path) -> None:
    from models.training import fit
    from tasks.progress import Progress

    log = LifecycleRun(Registry(settings), run.run_id)
    course = log.child("training")
    with course.system_metrics(), metered() as cost:
        report = fit(
            snapshot.uri,
            preset=preset,
            seed=seed,
            folder=folder,
            storage_options=settings.options_for(snapshot.uri),
            threads=settings.threads,
            logger=course.logger(),
            callbacks=[Progress()],
        )
    log.metrics(cost)
    course.metrics(report.metrics)
    course.finish()
