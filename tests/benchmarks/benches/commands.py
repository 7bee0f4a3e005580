"""How soon a command answers that does nothing."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.frame import Bench, Figure, Seen, at_most

TURNS = 5
HELP = Figure(name="`moderato --help`", beside="a limit", aim=at_most(0.5), unit="s")


def measure(folder: Path) -> Iterator[Seen]:
    taken = []
    for _ in range(TURNS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "flows.cli", "--help"], capture_output=True, check=True)
        taken.append(time.perf_counter() - began)
    yield HELP.seen(statistics.median(taken), f"median of {TURNS}, {min(taken):.2f} to {max(taken):.2f}")


BENCH = Bench(figures=(HELP,), measure=measure)
