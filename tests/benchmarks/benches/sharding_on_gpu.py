"""Pre-training of a ViT-L/14 by FSDP on a GPU, in a process of its own over NCCL, beside the same without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from models.distributed.resources import Resources
from models.training.presets import preset_named
from tests.benchmarks.frame import Bench, Figure, Seen, SkippedError, at_least, at_most, between
from tests.benchmarks.open_clips_step import LARGE, STEPS_ON_GPU, our_epoch, posts
from tests.support.made_up_snapshot import write_snapshot

BESIDE = "one process that is not sharded"
RATE = Figure(
    name="training of a ViT-L/14 by FSDP on one GPU: pairs a second", beside=BESIDE, aim=at_least(0.9)
)
MEMORY = Figure(name="its peak memory", beside=BESIDE, aim=at_most(1.1))
LOSS = Figure(name="its validation loss", beside=BESIDE, aim=between(0.98, 1.02))


def measure(folder: Path) -> Iterator[Seen]:
    if not torch.cuda.is_available():
        raise SkippedError("needs a GPU")
    preset = preset_named("clip", modalities=("text", "image"), **LARGE)
    uri = write_snapshot(folder, posts(preset, STEPS_ON_GPU))
    sharded, whole = (
        our_epoch(uri, folder / strategy, LARGE, Resources(strategy=strategy)) for strategy in ("fsdp", "ddp")
    )
    rates = f"{sharded.items_per_second:,.0f} a second beside {whole.items_per_second:,.0f}"
    yield RATE.seen(sharded.items_per_second / whole.items_per_second, rates)
    yield MEMORY.seen(sharded.measured.memory_peak_bytes / whole.measured.memory_peak_bytes)
    yield LOSS.seen(sharded.metrics["validation/loss"] / whole.metrics["validation/loss"])


BENCH = Bench(figures=(RATE, MEMORY, LOSS), measure=measure, seeds="0")
