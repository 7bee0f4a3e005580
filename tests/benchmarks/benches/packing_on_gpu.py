"""Fine-tuning BERT's base with packing, beside the same without, on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from tests.benchmarks.frame import Bench, Figure, Seen, SkippedError, at_least
from tests.benchmarks.packed_step import ORDERS, median_turn

RATES = {
    order: Figure(
        name=f"packing texts while training on a GPU, {order}",
        beside="posts a second without",
        aim=at_least(1.5),
    )
    for order in ORDERS
}


def measure(folder: Path) -> Iterator[Seen]:
    if not torch.cuda.is_available():
        raise SkippedError("needs a GPU")
    for order, figure in RATES.items():
        yield figure.seen(*median_turn(order, gpu=True))


BENCH = Bench(figures=tuple(RATES.values()), measure=measure, seeds="0")
