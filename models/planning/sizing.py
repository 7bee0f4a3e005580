"""Memory of a device, by the batch, the number of devices, and whether each holds all of a network or a share."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Self

import torch
from pydantic import BaseModel, ConfigDict, Field

from models.distributed.resources import Strategy
from models.distributed.sharding import sharded_units
from models.domain.preset import Preset
from models.planning.tracing import Shape, Traced, TracedStep
from models.planning.workload import Workload

MOMENTS = 2  # AdamW's, of each trainable weight
GATHERED = 3  # of the largest unit at a time: the one that computes, the one that is fetched, and a gradient
WIDE = torch.finfo(torch.float32).bits // 8


class Memory(BaseModel):
    """Bytes on each device at the highest point of training."""

    model_config = ConfigDict(frozen=True)

    weights: int = Field(description="with buffers")
    gradients: int
    optimizer: int = Field(description="AdamW's two moments")
    average: int = Field(description="the running average of the weights")
    gathered: int = Field(description="what a sharded network holds in whole at a time; 0 with ddp")
    activations: int = Field(description="of the largest batch, traced")
    checkpoint: int = Field(
        default=0, description="the copy that is being written, in the memory of processors; 0 elsewhere"
    )
    process: int = Field(
        default=0,
        description="what a process that trains on processors holds beside, as measured in a few steps; else 0",
    )

    @property
    def state(self) -> int:
        """What does not depend on the batch."""
        return self.weights + self.gradients + self.optimizer + self.average

    @property
    def total(self) -> int:
        return self.state + self.gathered + self.activations + self.checkpoint + self.process


class Sizing:
    """A network that is traced on batches of some work, each shape once."""

    def __init__(
        self, work: Workload, preset: Preset, weights: Path | None, *, mixed: bool, processor: bool
    ) -> None:
        self.work, self.preset, self.weights, self.mixed = work, preset, weights, mixed
        self.processor = processor
        self.network = Traced(preset, work.policies, work.pieces, weights, mixed=mixed)
        self.step = cache(self._step)

    def recomputed(self) -> Self:
        """The same network, whose layers are computed again in place of being kept."""
        preset = self.preset.replace(recompute=True)
        return type(self)(self.work, preset, self.weights, mixed=self.mixed, processor=self.processor)

    def memory(self, batch: int, devices: int, strategy: Strategy) -> Memory:
        """Of each device where so many posts in all are a batch."""
        peak = self.step(self.work.largest.of(-(-batch // devices))).bytes
        state = self.network.weight_bytes + self.network.trainable_bytes * (1 + MOMENTS)
        return self.bare(devices, strategy).model_copy(update={"activations": max(0, peak - state)})

    def bare(self, devices: int, strategy: Strategy) -> Memory:
        """Of each device, whatever the batch: without activations."""
        held, trained = self.network.weight_bytes, self.network.trainable_bytes
        share, units = devices if strategy == "fsdp" else 1, self.units(strategy)
        whole = (2 * units[0] + GATHERED * max(units[1:], default=0)) * WIDE if units and devices > 1 else 0
        written = held + (1 + MOMENTS) * trained if self.processor else 0
        return Memory(
            weights=-(-held // share),
            gradients=-(-trained // share),
            optimizer=-(-MOMENTS * trained // share),
            average=-(-trained // share),
            gathered=whole,
            activations=0,
            checkpoint=-(-written // share),
        )

    def units(self, strategy: Strategy) -> list[int]:
        """Parameters of each unit that fsdp gathers; the first is what lies in no other. None with ddp."""
        if strategy == "ddp":
            return []
        inside = sharded_units(self.network.network)
        found = [sum(parameter.numel() for parameter in unit.parameters()) for _, unit in inside]
        return [self.network.parameters - sum(found), *found]

    def _step(self, shape: Shape) -> TracedStep:
        return self.network.step(shape, self.work.ids)
