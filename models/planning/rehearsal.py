"""A few real training steps, to say how long many take, and in how much memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch

from models.data.loader import Batch, SplitBatches
from models.data.snapshot import SnapshotRows
from models.domain.preset import Preset
from models.network.network import Network
from models.objectives import supervised
from models.planning.tracing import made_up
from models.planning.workload import Workload
from models.training.optimization import optimisation
from models.training.peak_memory import counted_anew, highest
from models.training.run import torch_threads

WARM_UP, STEPS = 3, 20  # steps; the first ones choose kernels and fill the queue of batches
REHEARSAL_SECONDS = 20.0  # seconds


class Rehearsed(NamedTuple):
    """Posts that the device trains on in a second, and the most that was resident of a process on processors, bytes."""

    rate: float
    resident: int


def rehearse(
    work: Workload, preset: Preset, weights: Path | None, rows: SnapshotRows | None, threads: int
) -> Rehearsed:
    """On this machine's device: real batches of `rows`, made-up ones without."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    counted_anew(device)
    with torch_threads(threads):
        network = Network(preset, work.policies, work.pieces, weights).train().to(device)
        optimizer = optimisation(network.groups(preset.encoder_rate), preset, STEPS)["optimizer"]
        assert isinstance(optimizer, torch.optim.Optimizer)
        objective, items, start, begun = supervised(preset.objective), 0, 0.0, time.perf_counter()
        for number, batch in enumerate(_batches(work, preset, rows)):
            if number == WARM_UP:
                start, items = _now(device), 0
            moved = Batch(*(tensor.to(device, non_blocking=True) for tensor in batch))
            with torch.autocast("cuda", torch.bfloat16, enabled=device.type == "cuda"):
                loss = objective(network.deep(**moved.inputs), moved.targets, moved.weights, moved.total)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            items += len(batch.targets)
            if number >= WARM_UP and time.perf_counter() - begun > REHEARSAL_SECONDS:
                break
        resident = 0 if device.type == "cuda" else highest(device)
        return Rehearsed(items / (_now(device) - start), resident)


def _batches(work: Workload, preset: Preset, rows: SnapshotRows | None) -> Iterator[Batch]:
    """So many as are warmed up with and measured."""
    given = 0
    while given < WARM_UP + STEPS:
        batches: Iterator[Batch]
        if rows is not None and work.tokenizer is not None:
            batches = iter(SplitBatches(rows, "train", work.tokenizer, preset, seed=0))
        else:
            batches = (made_up(shape, preset, work.policies, work.ids) for shape in work.shapes)
        for batch in batches:
            yield batch
            given += 1
            if given == WARM_UP + STEPS:
                return


def _now(device: torch.device) -> float:
    """Once the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
