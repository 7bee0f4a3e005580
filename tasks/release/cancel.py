"""Clean up after a run that did not come to its end: no challenger without a controller, no MLflow run that goes on."""

from __future__ import annotations

from infra.registry import Registry
from infra.registry.runs import LifecycleRun
from infra.rollout import Store, withdraw_rollout
from infra.settings import Settings
from tasks.training.run import FLOW_RUN


def withdraw(settings: Settings, flow_run: str) -> None:
    """End the MLflow run that the Prefect flow run `flow_run` worked on, and its rollout; the champion decides on."""
    registry = Registry(settings)
    for run_id in LifecycleRun.tagged(registry, FLOW_RUN, flow_run):
        LifecycleRun(registry, run_id).close("KILLED")
        for version in registry.versions():
            if version.run_id == run_id:
                withdraw_rollout(Store(settings), version.version, "its retraining was cancelled")


def close(settings: Settings, flow_run: str) -> None:
    """End the MLflow runs that the Prefect flow run `flow_run` worked on; the next start goes on with them."""
    registry = Registry(settings)
    for run_id in LifecycleRun.tagged(registry, FLOW_RUN, flow_run):
        LifecycleRun(registry, run_id).close("KILLED")
