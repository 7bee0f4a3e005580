"""Train a candidate on a snapshot; a run that was killed goes on from its last checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock, Timeout
from prefect import task

from infra.energy import HOUR, metered
from infra.registry import Registry
from infra.registry.runs import LifecycleRun
from infra.settings import Settings
from models.distributed.job import Job
from models.distributed.resources import Resources
from models.domain.errors import UserError
from models.training.training_cost import Measurement
from tasks.data.snapshot import Snapshot
from tasks.plumbing.caching import ON_DATA_AND_CONFIGURATION
from tasks.plumbing.handle import Handle
from tasks.plumbing.retrying import PATIENT
from tasks.plumbing.story import say, tells
from tasks.training.run import Run

MILLION = 1_000_000


class TrainingInProgressError(UserError):
    """Another process trains this very candidate."""


class Candidate(Handle):
    """A trained model that nobody has judged yet; `folder` holds it under `model/`, `out_of_fold` are files of
    models.training.cross_fit.
    """

    key: str
    run_id: str
    folder: Path
    snapshot: Snapshot
    preset: str
    seed: int
    measured: Measurement = Measurement()
    out_of_fold: tuple[Path, ...] = ()

    def story(self) -> str:
        return (
            f"{self.preset} learned from {self.measured}"
            if self.measured.items
            else f"{self.preset} is trained"
        )


@task(name="train", cache_policy=ON_DATA_AND_CONFIGURATION, persist_result=True, **PATIENT)
@tells(Candidate.story)
def train(settings: Settings, run: Run, snapshot: Snapshot, resources: Resources) -> Candidate:
    """Fit the run's preset on the snapshot's training split; the exported model is left in the candidate's folder."""
    job = run.job(settings, snapshot.uri, settings.work / "candidates" / run.key[:16], resources)
    try:
        with FileLock(job.folder / "lock", timeout=0):
            measured = _fit(settings, run, job)
    except Timeout:
        raise TrainingInProgressError(
            f"another process is training candidate {run.key[:16]}; wait for it, or stop it and run this again"
        ) from None
    return Candidate(
        key=run.key,
        run_id=run.run_id,
        folder=job.folder,
        snapshot=snapshot,
        preset=run.given,
        seed=run.seed,
        measured=measured,
    )


def _fit(settings: Settings, run: Run, job: Job) -> Measurement:
    from infra.ray.training import launcher_for
    from models.training.fit import fit
    from models.training.reading import WordsRead
    from tasks.training.progress import Progress

    log = LifecycleRun(Registry(settings), run.run_id)
    course = log.child("training")
    with course.system_metrics(), metered() as cost:
        report = fit(
            job,
            launcher=launcher_for(job.resources, settings),
            logger=course.logger(),
            callbacks=[Progress(run.given, job.preset)],
        )
    measured, read = report.measured, WordsRead.told(job.folder)
    if read is not None:
        say(str(read))
    log.metrics(cost | measured.metrics | _each(settings, measured, cost))
    course.metrics(kept(report.metrics) | measured.metrics)
    course.finish()
    return measured


def kept(metrics: Mapping[str, float]) -> dict[str, float]:
    """The validation of the weights that were kept, by names of its own: of the curve it is a point, not the end."""
    return {f"kept/{name.removeprefix('validation/')}": value for name, value in metrics.items()}


def _each(settings: Settings, measured: Measurement, cost: Mapping[str, float]) -> dict[str, float]:
    """What a million posts cost, in money and in joules, where known."""
    if not measured.items:
        return {}
    share = MILLION / measured.items
    found = {"cost_per_million_items": measured.device_seconds / HOUR * settings.device_hour_price * share}
    if "cost_joules" in cost:
        found["joules_per_million_items"] = cost["cost_joules"] * share
    return {name: value for name, value in found.items() if value}
