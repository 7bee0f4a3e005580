"""Contrastive pre-training of a ViT-L/14 on a GPU, beside open_clip's own step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from tests.benchmarks.frame import Bench, Figure, Seen, SkippedError, at_least, at_most
from tests.benchmarks.open_clips_step import LARGE, median_turn

RATE = Figure(
    name="contrastive training of a ViT-L/14 on a GPU, `compile=true`",
    beside="pairs a second of open_clip's own step",
    aim=at_least(1.1),
)
USED = Figure(name="its use of the GPU", beside="what the device can do", aim=at_least(0.45), unit="share")
WAITING = Figure(name="its waiting for data", beside="time of the training", aim=at_most(0.03), unit="share")


def measure(folder: Path) -> Iterator[Seen]:
    if not torch.cuda.is_available():
        raise SkippedError("needs a GPU")
    turn = median_turn(folder, {**LARGE, "compile": True}, gpu=True)
    yield RATE.seen(turn.ratio, f"{turn.ours.items_per_second:,.0f} a second beside {turn.theirs:,.0f}")
    yield USED.seen(turn.ours.model_flops_utilisation)
    yield WAITING.seen(turn.ours.data_wait_share)


BENCH = Bench(figures=(RATE, USED, WAITING), measure=measure, seeds="0")
