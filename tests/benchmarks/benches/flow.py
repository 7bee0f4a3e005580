"""What the flow costs over the same steps called as plain functions."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from prefect.testing.utilities import prefect_test_harness

from flows.form import RollOut
from flows.retrain import retrain
from flows.temporary_server import tie_temporary_server
from infra.lake import open_lake
from infra.settings import Settings
from infra.simulator import simulate
from models.distributed.resources import Resources
from tasks.data.snapshot import cut, pin
from tasks.release.evaluate import evaluate
from tasks.release.promote import promote
from tasks.release.register import register
from tasks.training.champion import incumbent
from tasks.training.run import begin
from tasks.training.train import train
from tasks.training.validate import validate
from tests.benchmarks.frame import Bench, Figure, Seen, at_most

COST = Figure(
    name="the retraining flow", beside="seconds of the same steps as plain functions", aim=at_most(1.1)
)


def plainly(settings: Settings) -> None:
    """The lifecycle without Prefect."""
    snapshot = cut.fn(settings, pin.fn(settings), "community_guidelines", 0)
    run = begin.fn(settings, snapshot, "compact", 0)
    champion = incumbent.fn(settings, run)
    validation = validate.fn(settings, snapshot, champion, run)
    candidate = train.fn(settings, run, snapshot, Resources())
    evaluation = evaluate.fn(settings, candidate, champion, validation.warnings)
    promote.fn(settings, register.fn(settings, candidate, evaluation))


def furnished(home: Path) -> Settings:
    """A home with a simulated platform in its lake, for this process."""
    os.environ["MODERATO_HOME"] = str(home)
    settings = Settings(_env_file=None)
    os.environ["MLFLOW_TRACKING_URI"] = settings.tracking_uri
    simulate(open_lake(settings), posts=3000, weeks=4, seed=0)
    return settings


def seconds_of(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure(folder: Path) -> Iterator[Seen]:
    tie_temporary_server()  # to this process, should it be killed
    with prefect_test_harness(server_startup_timeout=300):
        plainly(furnished(folder / "warm-up"))
        plain = seconds_of(partial(plainly, furnished(folder / "plain")))
        furnished(folder / "flow")
        flow = seconds_of(partial(retrain, rollout=RollOut(canary=False)))
        yield COST.seen(flow / plain, f"{flow:.1f} s beside {plain:.1f} s")


BENCH = Bench(figures=(COST,), measure=measure, seeds="0")
