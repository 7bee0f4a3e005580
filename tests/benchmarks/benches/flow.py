"""What the flow costs over the same steps called as plain functions, and how soon the command answers."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial

import pytest

from flows.form import RollOut
from flows.retrain import retrain
from infra.lake import open_lake
from infra.settings import Settings
from infra.simulator import simulate
from models.distributed.resources import Resources
from tasks.evaluate import evaluate
from tasks.incumbent import incumbent
from tasks.promote import promote
from tasks.register import register
from tasks.run import begin
from tasks.snapshot import cut, pin
from tasks.train import train
from tasks.validate import validate

pytestmark = pytest.mark.benchmark


@pytest.fixture
def furnished(tmp_path, monkeypatch):
    """Makes a home with a simulated platform in its lake, for this process."""

    def make(name: str) -> Settings:
        monkeypatch.setenv("MODERATO_HOME", str(tmp_path / name))
        settings = Settings(_env_file=None)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", settings.tracking_uri)
        simulate(open_lake(settings), posts=3000, weeks=4, seed=0)
        return settings

    return make


def plainly(settings: Settings) -> None:
    """The lifecycle without Prefect."""
    snapshot = cut.fn(settings, pin.fn(settings), "community_guidelines", 0)
    run = begin.fn(settings, snapshot, "compact", 0)
    champion = incumbent.fn(settings, run)
    validation = validate.fn(settings, snapshot, champion, run)
    candidate = train.fn(settings, run, snapshot, "compact", 0, Resources())
    evaluation = evaluate.fn(settings, candidate, champion, validation.warnings)
    promote.fn(settings, register.fn(settings, candidate, evaluation))


def seconds_of(work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def test_the_cost_of_the_flow(furnished, prefect_server):
    plainly(furnished("warm-up"))
    plain = seconds_of(partial(plainly, furnished("plain")))
    furnished("flow")
    flow = seconds_of(partial(retrain, rollout=RollOut(canary=False)))
    print(
        f"\nflow {flow:.1f} s, the same steps as functions {plain:.1f} s, ratio {flow / plain:.2f} (at most 1.10)"
    )


def test_help_is_quick():
    took = sorted(
        seconds_of(
            lambda: subprocess.run(
                [sys.executable, "-m", "flows.command_line", "--help"], capture_output=True, check=True
            )
        )
        for _ in range(5)
    )
    print(f"\nmoderato --help: {took[2]:.2f} s, median of 5 (at most 0.5)")
