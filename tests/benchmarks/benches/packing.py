"""Fine-tuning a small encoder of text with packing, beside the same without, on one core."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.frame import Bench, Figure, Seen, at_least
from tests.benchmarks.packed_step import ORDERS, median_turn

RATES = {
    order: Figure(
        name=f"packing texts while training on one core, {order}",
        beside="posts a second without",
        aim=at_least(least),
    )
    for order, least in zip(ORDERS, (1.5, 1), strict=True)  # sorted texts are nearly packed already
}


def measure(folder: Path) -> Iterator[Seen]:
    for order, figure in RATES.items():
        yield figure.seen(*median_turn(order, gpu=False))


BENCH = Bench(figures=tuple(RATES.values()), measure=measure, seeds="0")
