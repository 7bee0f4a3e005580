"""A spreadsheet of somebody new becomes a champion that acts: how soon, and how well it tells posts apart."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from first_hour import first_hour

from tests.benchmarks.frame import Bench, Figure, Seen, at_most

SIZES = (450, 2_000, 25_000)
MINUTES = Figure(
    name=f"from a spreadsheet of {SIZES[0]} posts to their scores",
    beside="a limit",
    aim=at_most(5),
    unit="minutes",
)


def wrong(kind: str, done: str) -> dict[int, Figure]:
    """A share of each size."""
    return {
        size: Figure(
            name=f"{kind} that are {done} after {size:,} posts", beside=kind, aim=at_most(0.05), unit="share"
        )
        for size in SIZES
    }


ALLOWED, REMOVED = wrong("violating posts", "allowed"), wrong("harmless posts", "removed")


def measure(folder: Path) -> Iterator[Seen]:
    for size in SIZES:
        place = folder / str(size)
        place.mkdir()
        began = time.perf_counter()
        hour = first_hour(place, size, "compact")
        minutes = (time.perf_counter() - began) / 60
        if size == SIZES[0]:
            yield MINUTES.seen(minutes)
        yield ALLOWED[size].seen(hour.violating_allowed, f"{minutes:.1f} minutes")
        yield REMOVED[size].seen(hour.harmless_removed)


BENCH = Bench(
    figures=(MINUTES, *ALLOWED.values(), *REMOVED.values()),
    measure=measure,
    seeds="1 and 2",
    limit_seconds=2 * 3600,
)
