"""The MLflow run that one retraining writes to, from validation to verdict."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from prefect import task
from prefect.runtime import flow_run

from infra.registry import Registry
from infra.registry.runs import KEY, SEARCH, LifecycleRun
from infra.settings import Settings
from infra.weights import fetch
from models.training.presets import preset_named
from tasks.data.snapshot import Snapshot
from tasks.plumbing.artifacts import link, run_url
from tasks.plumbing.caching import code_digest, digest_of
from tasks.plumbing.handle import Handle
from tasks.plumbing.retrying import PATIENT
from tasks.plumbing.story import tells

FLOW_RUN = "moderato.flow_run"  # Prefect's id of the flow run that works on it


class Run(Handle):
    """`key` names the candidate: same data, configuration and code, same key."""

    key: str
    run_id: str
    weights: Path | None = None  # the folder that the preset's weights were fetched to

    def story(self) -> str:
        return f"candidate {self.key[:12]} in MLflow run {self.run_id[:8]}"


@task(name="begin", **PATIENT)
@tells(Run.story)
def begin(settings: Settings, snapshot: Snapshot, preset: str, seed: int, over: tuple[str, ...] = ()) -> Run:
    """Find the run of a retraining that was killed, or start one; that of a search where it is `over` something."""
    chosen = preset_named(preset)
    weights = fetch(settings, chosen.weights)
    asked = {"snapshot": snapshot.id, "preset": preset, "seed": seed, "code": code_digest()}
    key = digest_of(**asked, weights=weights and weights.digest, **({"over": over} if over else {}))
    name = f"{datetime.now(UTC):%m-%d %H:%M} {'search ' if over else ''}{preset}"  # the verdict comes before
    run = LifecycleRun.resume_or_start(Registry(settings), key, name=name, tag=SEARCH if over else KEY)
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
    return Run(key=key, run_id=run.run_id, weights=weights and weights.folder)
