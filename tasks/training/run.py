"""What one retraining trains, and the MLflow run that it writes to, from validation to verdict."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import task
from prefect.runtime import flow_run

from infra.registry import Registry
from infra.registry.runs import GONE_ON, KEY, SEARCH, LifecycleRun
from infra.settings import Settings
from infra.weights import fetch, kept_embeddings
from models.distributed.job import Job
from models.distributed.resources import Resources
from models.domain.preset import Preset
from models.training.presets import preset_named
from tasks.data.snapshot import Snapshot
from tasks.plumbing.artifacts import link, run_url
from tasks.plumbing.caching import code_digest, digest_of, former_code
from tasks.plumbing.handle import Handle
from tasks.plumbing.retrying import PATIENT
from tasks.plumbing.story import say, tells

FLOW_RUN = "moderato.flow_run"  # Prefect's id of the flow run that works on it


class Run(Handle):
    """`key` names what is trained: same data, configuration and code, same key. `preset` is what `given` names."""

    key: str
    run_id: str
    given: str
    preset: Preset
    seed: int
    weights: Path | None = None  # the folder that the preset's weights were fetched to

    def job(self, settings: Settings, uri: str, folder: Path, resources: Resources = Resources()) -> Job:
        """Its training on the snapshot at `uri`; a folder that is not there is made."""
        folder.mkdir(parents=True, exist_ok=True)
        kept = kept_embeddings(settings)
        return Job(
            snapshot_uri=uri, storage_options=settings.options_for(uri), preset=self.preset, seed=self.seed,
            folder=folder, weights=self.weights, threads=settings.threads, resources=resources,
            embeddings=kept.uri, embeddings_options=dict(kept.storage_options),
        )  # fmt: skip

    def story(self) -> str:
        return f"candidate {self.key[:12]} in MLflow run {self.run_id[:8]}"


def found_or_begun(
    registry: Registry, asked: dict[str, Any], *, name: str, tag: str
) -> tuple[str, LifecycleRun]:
    """The key of what is asked for under today's code, and its run.

    What a former release began and has not come to its end keeps its key, and with it its folder, its checkpoints and
    its version; its run says which code went on with it, so that the same command finds it when it has ended.
    """
    today = code_digest()
    for code in former_code():
        key = digest_of(**asked, code=code)
        if LifecycleRun.goes_on(registry, key, today, tag):
            run = LifecycleRun.resume_or_start(registry, key, name=name, tag=tag)
            run.describe({}, {GONE_ON: today})
            say(f"goes on with what the release before began: MLflow run {run.run_id[:8]}")
            return key, run
    key = digest_of(**asked, code=today)
    return key, LifecycleRun.resume_or_start(registry, key, name=name, tag=tag)


@task(name="begin", **PATIENT)
@tells(Run.story)
def begin(settings: Settings, snapshot: Snapshot, preset: str, seed: int, over: tuple[str, ...] = ()) -> Run:
    """Find the run of a retraining that was killed, or start one; that of a search where it is `over` something."""
    chosen = preset_named(preset)
    weights = fetch(settings, chosen.weights)
    asked = {"snapshot": snapshot.id, "preset": preset, "seed": seed, "weights": weights and weights.digest}
    name = f"{datetime.now(UTC):%m-%d %H:%M} {'search ' if over else ''}{preset}"  # the verdict comes before
    tag, asked = (SEARCH, asked | {"over": over}) if over else (KEY, asked)
    key, run = found_or_begun(Registry(settings), asked, name=name, tag=tag)
    fields = {f"preset.{name}": value for name, value in chosen.model_dump().items()}
    run.describe(
        parameters={"seed": seed, "policy_set": snapshot.policy_set, **snapshot.counts, **fields},
        tags={
            FLOW_RUN: str(flow_run.id or ""),
            "snapshot": snapshot.id,
            **({"weights": weights.digest} if weights else {}),
            **{f"lake.{table}": str(version) for table, version in snapshot.versions.items()},
        },
    )
    run.use_dataset(snapshot.uri, name=snapshot.policy_set, digest=snapshot.id)
    link("mlflow-run", run_url(run.registry, run.run_id), "MLflow run")
    link("gateway", settings.gateway_url and f"{settings.gateway_url}/docs", "gateway")
    return Run(
        key=key, run_id=run.run_id, given=preset, preset=chosen, seed=seed, weights=weights and weights.folder
    )
