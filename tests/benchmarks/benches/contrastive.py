"""Contrastive pre-training of a small CLIP on one core, beside open_clip's own step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.frame import Bench, Figure, Seen, at_least
from tests.benchmarks.open_clips_step import SMALL, median_turn

RATE = Figure(
    name="contrastive training of a small CLIP, one core",
    beside="pairs a second of open_clip's own step",
    aim=at_least(0.9),
)


def measure(folder: Path) -> Iterator[Seen]:
    turn = median_turn(folder, SMALL, gpu=False)
    yield RATE.seen(turn.ratio, f"{turn.ours.items_per_second:,.0f} a second beside {turn.theirs:,.0f}")


BENCH = Bench(figures=(RATE,), measure=measure, seeds="0")
