"""Clean up after a retraining that a person cancelled: no challenger without a controller, no run without an end."""

from __future__ import annotations

from infra.registry import Registry
from infra.registry.runs import LifecycleRun
from infra.rollout import Store, withdraw_rollout
from infra.settings import Settings
from tasks.run import FLOW_RUN


def withdraw(settings: Settings, flow_run: str) -> None:
    """End the MLflow run that the Prefect flow run `flow_run` worked on, and its rollout; the champion decides on."""
    registry = Registry(settings)
    for run_id in LifecycleRun.tagged(registry, FLOW_RUN, flow_run):
        registry.client.set_terminated(run_id, "KILLED")
        for version in registry.versions():
            if version.run_id == run_id:
                withdraw_rollout(Store(settings), version.version, "its retraining was cancelled")
