"""Before a training run: what memory, time, disk and money it will take, and what to change where it does not fit."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch.utilities.seed import isolate_rng
from pydantic import BaseModel, ConfigDict, Field

from models.data.snapshot import SnapshotRows
from models.distributed.resources import Strategy
from models.domain.preset import Preset
from models.planning.advice import advice, fits
from models.planning.reading import reading_seconds
from models.planning.rehearsal import rehearse
from models.planning.sizing import MOMENTS, Memory, Sizing
from models.planning.target import Target
from models.planning.tracing import Shape, Traced
from models.planning.workload import Workload, assumed, workload

MEASURED = "measured in a few steps on this machine"

CHECKPOINTS = 3  # the last, the best, and one that is being written
FORWARD = 3  # a step takes so many times as long as its forward pass: a validation is one
UTILISATION = 0.35  # of a device's peak, where nothing could be measured
STRATA = 8  # of the batches from short to long; the operations of the middle one of each stand for all
HOUR, TERA = 3600.0, 1e12


class TrainingPlan(BaseModel):
    """What a run will take."""

    model_config = ConfigDict(frozen=True)

    preset: str
    source: str = Field(description="what the numbers of posts and the shapes of batches are from")
    device: str
    devices: int
    strategy: Strategy
    parameters: int
    trainable: int
    units: int = Field(description="parts that fsdp gathers one after another; 0 with ddp")
    largest_unit: int = Field(description="parameters of the largest of them")
    memory: Memory
    memory_bytes: int = Field(description="in all, of one device")
    available_bytes: int = Field(description="memory of one device")
    flops_per_item: float = Field(description="floating-point operations for a post, forward and backward")
    posts: int
    steps: int = Field(description="of a pass")
    epochs: int = Field(description="passes at most: early stopping may end a run sooner")
    items_per_second: float = Field(description="on all devices")
    timed: str = Field(description="where that is from")
    seconds_per_pass: float = Field(description="with its validation")
    seconds: float = Field(description="of all passes")
    reading_seconds: float = Field(
        default=0.0,
        description="of reading what pictures and videos say before the first pass; less where some were read before",
    )
    disk_bytes: int = Field(description="of checkpoints and the model at the highest point")
    price: float = Field(description="at the price of a device's hour; 0 where there is none")
    warnings: tuple[str, ...]

    @property
    def fits(self) -> bool:
        return not self.warnings


def plan(
    preset: Preset,
    *,
    rows: SnapshotRows | None,
    weights: Path | None = None,
    devices: int = 1,
    strategy: Strategy = "ddp",
    target: Target | None = None,
    price: float = 0.0,
    threads: int = 0,
) -> TrainingPlan:
    """What training `preset` on `rows` takes, and on assumed posts without; trained on nothing but a few batches."""
    target = target or Target.this_machine()
    work = workload(rows, preset, weights) if rows is not None else assumed(preset)
    batch, mixed = preset.batch_size, _mixed(preset, target)
    with isolate_rng():
        sizing = Sizing(work, preset, weights, mixed=mixed, processor=target.processor)
        network, units = sizing.network, sizing.units(strategy)
        memory = sizing.memory(batch, devices, strategy)
        shapes = _representative(work)
        each = sum(sizing.step(shape).flops for shape in shapes) / sum(shape.posts for shape in shapes)
        rate, timed = _assumed_rate(target, each, devices)
        if target.here and fits(memory, target) and devices == 1:
            (rate, resident), timed = rehearse(work, preset, weights, rows, threads), MEASURED
            seen = memory.total - memory.checkpoint  # those steps write none
            memory = memory.model_copy(update={"process": max(0, resident - seen)})
        warnings = advice(sizing, batch, devices, strategy, target)
    seconds = work.posts / rate + work.validation / (rate * FORWARD)
    return TrainingPlan(
        preset=preset.name,
        source=work.source,
        device=target.name,
        devices=devices,
        strategy=strategy,
        parameters=network.parameters,
        trainable=network.trainable,
        units=len(units),
        largest_unit=max(units, default=0),
        memory=memory,
        memory_bytes=memory.total,
        available_bytes=target.memory_bytes,
        flops_per_item=each,
        posts=work.posts,
        steps=work.steps,
        epochs=work.epochs,
        items_per_second=rate,
        timed=timed,
        seconds_per_pass=seconds,
        seconds=seconds * work.epochs,
        reading_seconds=reading_seconds(preset, work, rows if target.here else None, threads),
        disk_bytes=_disk(network),
        price=seconds * work.epochs / HOUR * devices * price,
        warnings=warnings,
    )


def _mixed(preset: Preset, target: Target) -> bool:
    """Whether products are computed in bfloat16."""
    return target.mixed if preset.precision == "auto" else preset.precision == "bf16"


def _representative(work: Workload) -> list[Shape]:
    """Some batches from short texts to long ones, as many of each length as there are."""
    places = {int((stratum + 0.5) * len(work.shapes) / STRATA) for stratum in range(STRATA)}
    return [work.shapes[place] for place in sorted(places)]


def _assumed_rate(target: Target, flops_per_item: float, devices: int) -> tuple[float, str]:
    """Posts a second by operations, and in what words."""
    rate = UTILISATION * target.peak_flops / flops_per_item * devices
    return rate, f"{UTILISATION:.0%} of {target.peak_flops / TERA:,.2f} TFLOP/s, assumed of each device"


def _disk(network: Traced) -> int:
    """Weights, their average and the optimiser's moments in each checkpoint; the model as ONNX and safetensors."""
    checkpoint = network.weight_bytes + (1 + MOMENTS) * network.trainable_bytes
    return CHECKPOINTS * checkpoint + 2 * network.weight_bytes
