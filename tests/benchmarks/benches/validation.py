"""Validation against Great Expectations alone, on the same expectations in one run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.frame import Bench, Figure, Seen, at_most
from tests.benchmarks.own_process import snapshot

SECONDS = Figure(
    name="validation in batches, 500,000 posts",
    beside="seconds of bare Great Expectations on one frame",
    aim=at_most(1.5),
)


def measure(folder: Path) -> Iterator[Seen]:
    snapshot("fill", folder, "500000")
    seconds = snapshot("bare", folder)
    ours, bare = seconds["ours"], seconds["bare"]
    yield SECONDS.seen(ours / bare, f"{ours:.1f} s beside {bare:.1f} s")


BENCH = Bench(figures=(SECONDS,), measure=measure, seeds="0 and 1")
