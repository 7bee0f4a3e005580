"""What to change where a run does not fit: each piece of advice was itself traced, and fits."""

from __future__ import annotations

from collections.abc import Iterator

from models.distributed.resources import Strategy
from models.planning.sizing import Memory, Sizing
from models.planning.target import Target

SPARE = 0.9  # share of a device's memory that a plan may fill: allocators leave holes
MAX_DEVICES = 1024  # devices that are thought of
GIGA = 1e9


def fits(memory: Memory, target: Target) -> bool:
    return memory.total <= SPARE * target.memory_bytes


def _would(sizing: Sizing, batch: int, devices: int, strategy: Strategy, target: Target) -> bool:
    """Whether it fits; what cannot, whatever the batch, is not traced."""
    bare = sizing.bare(devices, strategy)
    return fits(bare, target) and fits(sizing.memory(batch, devices, strategy), target)


def advice(sizing: Sizing, batch: int, devices: int, strategy: Strategy, target: Target) -> tuple[str, ...]:
    """That it does not fit, and what would; nothing where it does."""
    memory = sizing.memory(batch, devices, strategy)
    if fits(memory, target):
        return ()
    needs, has = memory.total / GIGA, target.memory_bytes / GIGA
    problem = f"does not fit: {needs:,.1f} GB a device; {target.name} has {has:,.1f} GB, to be filled to {SPARE:.0%}"
    found = tuple(_alternatives(sizing, batch, devices, strategy, target))
    return (
        problem,
        *(found or ("smaller pictures, texts or networks would take less, or devices with more memory",)),
    )


def _alternatives(
    sizing: Sizing, batch: int, devices: int, strategy: Strategy, target: Target
) -> Iterator[str]:
    """From what changes nothing of what is learned to what does."""
    lighter = None if sizing.preset.recompute or not sizing.units("fsdp")[1:] else sizing.recomputed()
    if lighter and _would(lighter, batch, devices, strategy, target):
        yield f"{sizing.preset.name},recompute=true would fit"
    if needed := _devices(sizing, batch, devices, target):
        yield f"--strategy fsdp --devices {needed} would fit"
    elif lighter and (needed := _devices(lighter, batch, devices, target)):
        yield f"{sizing.preset.name},recompute=true with --strategy fsdp --devices {needed} would fit"
    if posts := _batch(sizing, batch, devices, strategy, target):
        yield f"--batch {posts} would fit"


def _devices(sizing: Sizing, batch: int, devices: int, target: Target) -> int:
    """The fewest devices, doubled from now on, that hold a share each, with a post each at least; 0 for none."""
    most = min(MAX_DEVICES, batch)
    number = max(2, devices)
    while number <= most:
        if _would(sizing, batch, number, "fsdp", target):
            return number
        number *= 2
    return 0


def _batch(sizing: Sizing, batch: int, devices: int, strategy: Strategy, target: Target) -> int:
    """The largest batch, halved from now on, with a post for each device at least; 0 for none."""
    while (batch := batch // 2) >= devices:
        if _would(sizing, batch, devices, strategy, target):
            return batch
    return 0
