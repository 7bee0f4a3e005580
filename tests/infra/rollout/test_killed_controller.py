"""Controllers that are killed at every stage, each with a rival that waits for its place."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pytest
from gateway_server import until
from made_up_traffic import Behaviour, traffic, two_versions

from infra.rollout import Rollout, plan_named

pytestmark = pytest.mark.slow

GOOD = Behaviour()
DRIVE = """
import time
import infra.rollout.controller as controller
from infra.rollout import Store
from infra.environment import adopt
from infra.settings import Settings
settings = Settings()
adopt(settings)
controller.LEASE = 1.0  # so that a rival need not wait half a minute
driver = controller.Controller(Store(settings), 2, ("fraud_and_spam", "profanity"), ("DE", "US"))
driver.lease.wait(60)
print("drives", flush=True)
try:
    while not driver.look().rollout.is_over:
        time.sleep(0.1)
except controller.AlreadyDrivenError:
    print("was too slow to keep its lease")
"""


def drive():
    return subprocess.Popen([sys.executable, "-c", DRIVE], stdout=subprocess.PIPE, text=True)


def test_one_that_is_killed_at_every_stage_is_followed_where_it_was(settings):
    store, plan = two_versions(settings), plan_named("brief")
    begun = store.begin(Rollout.begin(plan, 1, 2, datetime.now(UTC)), "a new challenger")
    rng, reached = np.random.default_rng(0), []
    for stage in range(len(plan.stages)):
        first = drive()
        assert first.stdout.readline() == "drives\n"
        rival = drive()
        first.kill()
        first.communicate()
        assert store.load(2).stage == stage
        until(lambda stage=stage: moved_on(store, rng, stage))
        rival.kill()
        rival.communicate()
        reached.append(store.load(2).stage)
    assert reached == [1, 2, 3, 3]
    assert store.load(2).status == "promoted"
    assert store.registry.champion().version == 2
    assert [entry["act"] for entry in store.acts(begun.id)] == ["begin", "climb", "climb", "climb", "promote"]


def moved_on(store, rng, stage):
    """Whether the rollout left the stage; more posts come to it while it has not."""
    rollout = store.load(2)
    if rollout.is_over or rollout.stage > stage:
        return True
    posts = traffic(rollout, 800, rng, champion=GOOD, challenger=GOOD)
    store.lake.decisions.append(posts.to_batches())
    return False
