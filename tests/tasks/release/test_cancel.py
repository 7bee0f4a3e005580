"""A cancelled retraining leaves no challenger without a controller."""

from datetime import UTC, datetime

import pytest
from tiny_model import make_candidate, make_champion

from infra.registry import Registry
from infra.registry.runs import LifecycleRun
from infra.rollout import Rollout, Store, plan_named
from tasks.release.cancel import withdraw
from tasks.release.evaluate import evaluate
from tasks.release.register import register
from tasks.training.run import FLOW_RUN


@pytest.fixture
def climbing(settings):
    """A challenger in the middle of its rollout, whose flow run is `r`."""
    make_champion(settings)
    candidate = make_candidate(settings, seed=1, strength=5.0)
    release = register.fn(settings, candidate, evaluate.fn(settings, candidate, None))
    registry = Registry(settings)
    LifecycleRun(registry, release.run_id).describe({}, {FLOW_RUN: "r"})
    registry.client.update_run(release.run_id, status="RUNNING")
    begun = Rollout.begin(plan_named("brief"), 1, release.version, datetime.now(UTC))
    Store(settings).begin(begun.climbed(datetime.now(UTC)), "on")
    return release


def test_its_traffic_goes_back_and_its_run_ends(settings, climbing):
    withdraw(settings, "r")
    rollout, registry = Store(settings).load(climbing.version), Registry(settings)
    assert (rollout.status, rollout.share, rollout.reason) == (
        "rolled back",
        0,
        "its retraining was cancelled",
    )
    assert registry.champion().version == 1
    assert registry.challenger() is None
    assert registry.client.get_run(climbing.run_id).info.status == "KILLED"


def test_another_flow_runs_cancelling_changes_nothing(settings, climbing):
    withdraw(settings, "another")
    assert Store(settings).load(climbing.version).status == "running"
