"""What a pre-training is asked for, and the MLflow run that it writes to."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from prefect import task
from prefect.runtime import flow_run

from infra.registry import Registry
from infra.registry.runs import PRETRAINING
from infra.settings import Settings
from infra.weights import fetch
from models.training.presets import preset_named
from tasks.data.corpus import Corpus
from tasks.plumbing.artifacts import link, run_url
from tasks.plumbing.handle import Handle
from tasks.plumbing.retrying import PATIENT
from tasks.plumbing.story import tells
from tasks.training.run import FLOW_RUN, Run, found_or_begun


class Recipe(Handle):
    """`teacher` is the address of a backbone that some objectives learn from, `bootstrap` that of one which mends the
    corpus' texts first; empty for none.
    """

    preset: str
    objectives: tuple[str, ...]
    seed: int
    teacher: str = ""
    bootstrap: str = ""


class PretrainingRun(Run):
    """`key` names the backbone; `teacher` is the folder that the recipe's was fetched to."""

    teacher: Path | None = None

    def story(self) -> str:
        return f"backbone {self.key[:12]} in MLflow run {self.run_id[:8]}"


@task(name="begin", **PATIENT)
@tells(PretrainingRun.story)
def begin(settings: Settings, corpus: Corpus, recipe: Recipe) -> PretrainingRun:
    """Find the run of a pre-training that was killed, or start one."""
    chosen = preset_named(recipe.preset)
    fetched = {"weights": fetch(settings, chosen.weights), "teacher": fetch(settings, recipe.teacher)}
    digests = {name: found.digest for name, found in fetched.items() if found}
    asked = {"corpus": corpus.id, "recipe": recipe, **digests}
    name = f"{datetime.now(UTC):%m-%d %H:%M} pre-training {recipe.preset}"
    key, run = found_or_begun(Registry(settings), asked, name=name, tag=PRETRAINING)
    fields = {f"preset.{name}": value for name, value in chosen.model_dump().items()}
    run.describe(
        parameters={
            "seed": recipe.seed,
            "objectives": "+".join(recipe.objectives),
            **corpus.counts,
            **fields,
        },
        tags={
            FLOW_RUN: str(flow_run.id or ""),
            "corpus": corpus.id,
            **digests,
            **{f"lake.{table}": str(version) for table, version in corpus.versions.items()},
        },
    )
    run.use_dataset(corpus.uri, name="corpus", digest=corpus.id)
    link("mlflow-run", run_url(run.registry, run.run_id), "MLflow run")
    folders = {name: found and found.folder for name, found in fetched.items()}
    return PretrainingRun(
        key=key, run_id=run.run_id, given=recipe.preset, preset=chosen, seed=recipe.seed, **folders
    )
