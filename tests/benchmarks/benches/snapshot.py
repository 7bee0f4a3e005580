"""Seconds and peak memory of a snapshot, and of its validation, at two sizes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.frame import Bench, Figure, Seen, at_most
from tests.benchmarks.own_process import snapshot

SIZES = (100_000, 1_000_000)
WORK = {"cut": "a snapshot of 1,000,000 posts", "validate": "and its validation"}  # by the script's verbs
SECONDS = {
    verb: Figure(name=f"{name}: seconds", beside="those at 100,000", aim=at_most(12))
    for verb, name in WORK.items()
}
MEMORY = {
    verb: Figure(name=f"{name}: peak memory", beside="that at 100,000", aim=at_most(1.3))
    for verb, name in WORK.items()
}


def measure(folder: Path) -> Iterator[Seen]:
    for size in SIZES:
        snapshot("fill", folder / str(size), str(size))
    for verb in WORK:
        few, many = (snapshot(verb, folder / str(size)) for size in SIZES)
        seconds = f"{many['seconds']:.1f} s beside {few['seconds']:.1f} s"
        yield SECONDS[verb].seen(many["seconds"] / few["seconds"], seconds)
        memory = f"{many['peak_mb']:,.0f} MB beside {few['peak_mb']:,.0f} MB"
        yield MEMORY[verb].seen(many["peak_mb"] / few["peak_mb"], memory)


BENCH = Bench(figures=(*SECONDS.values(), *MEMORY.values()), measure=measure, seeds="0 and 1")
