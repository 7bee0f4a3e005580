"""What operating costs: how soon `moderato up` works, its memory, and what a hundred finished lifecycles change."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
from prefect.settings import PREFECT_API_URL, temporary_settings
from running_platform import Up, up, wait_for

from flows.form import RollOut, Training
from flows.retrain import retrain
from infra.lake import open_lake
from infra.settings import Settings
from infra.simulator import simulate
from tests.benchmarks.frame import Bench, Figure, Seen, at_most

LIFECYCLES, TURNS = 100, 5
READY = Figure(name="`moderato up` until all four services work", beside="a limit", aim=at_most(30), unit="s")
MEMORY = Figure(name="its memory when idle", beside="a limit", aim=at_most(2.5), unit="GB")
SLOWER = tuple(
    Figure(name=f"{what} after {LIFECYCLES} lifecycles", beside="after one", aim=at_most(1.3))
    for what in ("run lists of Prefect and MLflow, the same rows", "`moderato status`", "a new run's start")
)
STATUS = Figure(name="`moderato status` then", beside="a limit", aim=at_most(0.7), unit="s")
SETTLED = 20.0  # seconds after which nothing starts up any more


def seconds(work: Callable[[], object], turns: int = TURNS) -> float:
    """Median of a few turns."""
    taken = []
    for _ in range(turns):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def memory(platform: Up) -> int:
    """Bytes of all processes, what several share counted once."""
    processes = [psutil.Process(platform.process.pid), *platform.children()]
    return sum(process.memory_full_info().pss for process in processes)


def run_lists(platform: Up, rows: int = 4) -> None:
    """What both pages ask for their lists of runs; at first as many rows as one lifecycle leaves."""
    platform.api("POST", "/flow_runs/paginate", limit=rows, sort="START_TIME_DESC")
    asked = {"experiment_ids": ["1"], "max_results": rows, "order_by": ["attributes.start_time DESC"]}
    answer = httpx.post(f"{platform.mlflow}/api/2.0/mlflow/runs/search", json=asked, timeout=60)
    assert answer.json()["runs"]


def status(home: Path) -> None:
    command = [sys.executable, "-m", "flows.cli", "status"]
    subprocess.run(command, env=os.environ | {"MODERATO_HOME": str(home)}, check=True, capture_output=True)


def starts(platform: Up) -> None:
    """A new run, until it works; it is too small to be worth its end."""
    platform.only_by_hand("compact/compact")
    run = platform.start(deployment="compact/compact")
    wait_for(lambda: platform.state(run)["type"] in ("RUNNING", "COMPLETED"), 60)
    platform.ended(run)


def figures(platform: Up, home: Path) -> tuple[float, float, float]:
    return (
        seconds(lambda: run_lists(platform)),
        seconds(lambda: status(home)),
        seconds(lambda: starts(platform)),
    )


def measure(folder: Path) -> Iterator[Seen]:
    home = folder / "home"
    settings = Settings(home=home, _env_file=None)
    os.environ["MLFLOW_TRACKING_URI"] = settings.tracking_uri
    simulate(open_lake(settings), posts=1000, weeks=4, seed=0)
    began = time.perf_counter()
    with up(home) as platform, temporary_settings({PREFECT_API_URL: f"{platform.prefect}/api"}):
        yield READY.seen(time.perf_counter() - began)
        time.sleep(SETTLED)
        yield MEMORY.seen(memory(platform) / 1e9)
        for seed in range(LIFECYCLES):
            rollout = RollOut(canary=False, replace=True)
            retrain(training=Training(preset="trial", seed=seed), rollout=rollout)
            if seed == 0:
                one = figures(platform, home)
        hundred = figures(platform, home)
        print(f"run lists of 50 rows: {seconds(lambda: run_lists(platform, rows=50)):.2f} s", flush=True)
    for figure, few, many in zip(SLOWER, one, hundred, strict=True):
        yield figure.seen(many / few, f"{many:.2f} s beside {few:.2f} s")
    yield STATUS.seen(hundred[1])


BENCH = Bench(
    figures=(READY, MEMORY, *SLOWER, STATUS), measure=measure, seeds="0 to 99", limit_seconds=2 * 3600
)
