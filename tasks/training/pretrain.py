"""Pre-train a backbone on a corpus; a run that was killed goes on from its last checkpoint."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout
from prefect import task

from infra.energy import metered
from infra.registry import Registry
from infra.registry.runs import LifecycleRun
from infra.settings import Settings
from models.distributed.job import Job
from models.distributed.resources import Resources
from models.domain.preset import Preset
from tasks.data.corpus import Corpus
from tasks.plumbing.caching import ON_DATA_AND_CONFIGURATION
from tasks.plumbing.handle import Handle
from tasks.plumbing.retrying import PATIENT
from tasks.plumbing.story import tells
from tasks.training.pretraining_run import PretrainingRun, Recipe
from tasks.training.train import TrainingInProgressError, kept


class PretrainedBackbone(Handle):
    """`folder` is what the encoders of `preset` begin from; metrics are those of the validation posts."""

    key: str
    run_id: str
    folder: Path
    corpus: Corpus
    recipe: Recipe
    preset: Preset
    metrics: dict[str, float]

    def story(self) -> str:
        return f"{self.recipe.preset} learned by {' and '.join(self.recipe.objectives)}"


@task(name="pretrain", cache_policy=ON_DATA_AND_CONFIGURATION, persist_result=True, **PATIENT)
@tells(PretrainedBackbone.story)
def pretrain(
    settings: Settings, run: PretrainingRun, corpus: Corpus, recipe: Recipe, resources: Resources
) -> PretrainedBackbone:
    """Train the preset's encoders on the corpus by the recipe's objectives."""
    job = run.job(settings, corpus.uri, settings.work / "backbones" / run.key[:16], resources)
    try:
        with FileLock(job.folder / "lock", timeout=0):
            return _trained(settings, run, corpus, recipe, job)
    except Timeout:
        raise TrainingInProgressError(
            f"another process is training backbone {run.key[:16]}; wait for it, or stop it and run this again"
        ) from None


def _trained(
    settings: Settings, run: PretrainingRun, corpus: Corpus, recipe: Recipe, job: Job
) -> PretrainedBackbone:
    from infra.ray.training import launcher_for
    from models.pretraining.pretrain import pretrain as train
    from tasks.training.progress import Progress

    log = LifecycleRun(Registry(settings), run.run_id)
    course = log.child("training")
    with course.system_metrics(), metered() as cost:
        report = train(
            job,
            recipe.objectives,
            run.teacher,
            launcher=launcher_for(job.resources, settings),
            logger=course.logger(),
            callbacks=[Progress(run.given, job.preset)],
        )
    log.metrics({**cost, **report.metrics})
    course.metrics(kept(report.metrics))
    course.finish()
    return PretrainedBackbone(
        key=run.key, run_id=run.run_id, folder=report.backbone, corpus=corpus, recipe=recipe,
        preset=run.preset, metrics=report.metrics,
    )  # fmt: skip
