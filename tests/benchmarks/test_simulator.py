"""Posts a second and peak memory of the simulator, at two sizes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.benchmark
def test_the_simulator_streams(tmp_path: Path):
    few, many = measured(tmp_path, 50_000), measured(tmp_path, 500_000)
    print(f"\n{'posts':>10} {'posts/s':>10} {'peak MB':>10}")
    for row in (few, many):
        print(f"{row['posts']:>10,} {row['posts'] / row['seconds']:>10,.0f} {row['peak_mb']:>10,.0f}")
    print(f"memory at ten times the posts: {many['peak_mb'] / few['peak_mb']:.2f} times")
