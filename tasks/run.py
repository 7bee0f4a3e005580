"""The MLflow run that one retraining writes to, from validation to verdict."""

from __future__ import annotations

from prefect import task

from infra.registry import Registry
from infra.registry.runs import LifecycleRun
from infra.settings import Settings
from models.preset import preset_named
from tasks.caching import code_digest, digest_of
from tasks.handle import Handle
from tasks.retrying import may_pass
from tasks.snapshot import Snapshot


class Run(Handle):
    """`key` names the candidate: same data, configuration and code, same key."""

    key: str
    run_id: str


@task(name="begin", retries=2, retry_delay_seconds=2, retry_condition_fn=may_pass)
def begin(settings: Settings, snapshot: Snapshot, preset: str, seed: int) -> Run:
    """Find the run of a retraining that was killed, or start one."""
    key = digest_of(snapshot=snapshot.id, preset=preset, seed=seed, code=code_digest())
    run = LifecycleRun.resume_or_start(Registry(settings), key, name=f"{preset} on {snapshot.id[:12]}")
    fields = {f"preset.{name}": value for name, value in preset_named(preset).model_dump().items()}
    run.describe(
        parameters={"seed": seed, "policy_set": snapshot.policy_set, **snapshot.counts, **fields},
        tags={"snapshot": snapshot.id, **{f"lake.{table}": str(v) for table, v in snapshot.versions.items()}},
    )
    run.use_dataset(snapshot.uri, name=snapshot.policy_set, digest=snapshot.id)
    return Run(key=key, run_id=run.run_id)
