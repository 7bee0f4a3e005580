"""How long `moderato demo` takes, which ends well only where live traffic let the right retraining through."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.frame import Bench, Figure, Seen, at_most

MINUTES = Figure(name="`moderato demo`", beside="a limit", aim=at_most(5), unit="minutes")


def measure(folder: Path) -> Iterator[Seen]:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "flows.cli", "demo"], check=True)
    yield MINUTES.seen((time.perf_counter() - began) / 60)


BENCH = Bench(figures=(MINUTES,), measure=measure, seeds="those of the demo")
