"""Posts a second and peak memory of the simulator, at two sizes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.frame import Bench, Figure, Seen, at_most

GROWTH = Figure(name="the simulator's memory at 500,000 posts", beside="that at 50,000", aim=at_most(1.1))

SCRIPT = """
import json, sys
from infra.lake import Lake
from infra.simulator import simulate
from tests.benchmarks.peak_memory import peak_mb
done = simulate(Lake(sys.argv[1]), posts=int(sys.argv[2]), weeks=8, seed=0)
peak = peak_mb()
print(json.dumps({"posts": done.posts, "seconds": done.seconds, "peak_mb": peak}))
"""


def measured(folder: Path, posts: int) -> dict[str, float]:
    """In a process of its own, whose peak memory is the simulator's."""
    command = [sys.executable, "-c", SCRIPT, str(folder / str(posts)), str(posts)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def measure(folder: Path) -> Iterator[Seen]:
    few, many = measured(folder, 50_000), measured(folder, 500_000)
    memory = f"{many['peak_mb']:,.0f} MB beside {few['peak_mb']:,.0f} MB"
    rates = " and ".join(f"{row['posts'] / row['seconds']:,.0f}" for row in (many, few))
    yield GROWTH.seen(many["peak_mb"] / few["peak_mb"], f"{memory}, at {rates} posts/s")


BENCH = Bench(figures=(GROWTH,), measure=measure, seeds="0")
