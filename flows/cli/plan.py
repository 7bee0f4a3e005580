"""`moderato plan`: what a training run will take, before it is started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from flows.cli.choices import PRESET
from models.distributed.resources import Devices, Hardware, Resources

if TYPE_CHECKING:
    from rich.console import Console

    from infra.settings import Settings
    from models.planning.plan import TrainingPlan

MEGA, GIGA, TERA = 1e6, 1e9, 1e12
MINUTE = 60.0


def plan(
    preset: Annotated[str, PRESET] = "",
    *,
    devices: Annotated[Devices, Parameter(name="*")] = Devices(),
    batch: Annotated[
        int | None,
        Parameter(
            help="posts in a step, on all devices; the preset's when not given", validator=Number(gte=1)
        ),
    ] = None,
    device: Annotated[
        str, Parameter(help="plan for another device by the name on its data sheet: H200, H100, A100, L4")
    ] = "",
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """Say what memory, time, disk and money a training run will take, and what to change where it does not fit.

    The network is traced on the batches that the lake's posts make, and on assumed ones where the lake is empty. On one
    device of this machine, a few real steps are timed; otherwise operations are divided by what devices can do.
    """
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    from flows.cli.plain import terminal
    from models.training.presets import preset_named
    from tasks.training.plan import plan_run

    chosen = preset_named(preset or settings.preset, **({} if batch is None else {"batch_size": batch}))
    found = plan_run(settings, chosen, _asked(settings, devices), device)
    if json:
        print(found.model_dump_json(indent=2))  # noqa: T201 - the command's own output
    else:
        report(found, terminal())


def _asked(settings: Settings, given: Devices) -> Devices:
    """What is not given is the settings' choice, as in a retraining; workers of a cluster have a device each."""
    chosen = Resources.model_validate(settings.model_dump(include=set(Hardware.model_fields)))
    own = {"devices": chosen.processes, "strategy": chosen.strategy}
    return Devices.model_validate(own | given.model_dump(exclude_unset=True))


def report(found: TrainingPlan, console: Console) -> None:
    """For a person: what is trained, memory, time, disk and money, and warnings."""
    from rich.table import Table

    from flows.cli.plain import plain

    table = Table(show_header=False, title=plain(f"{found.preset} on {found.devices} x {found.device}"))
    for name, value in _rows(found):
        table.add_row(name, plain(value))
    console.print(table)
    console.print(f"data: {plain(found.source)}", highlight=False, soft_wrap=True)
    for warning in found.warnings:
        console.print(f"[yellow]warning[/] {plain(warning)}", highlight=False, soft_wrap=True)


def _rows(found: TrainingPlan) -> list[tuple[str, str]]:
    memory = found.memory
    parts = {name: value for name, value in memory if value}
    rows = [
        (
            "parameters",
            f"{found.parameters / MEGA:,.1f} M, of which {found.trainable / MEGA:,.1f} M are trained",
        ),
        ("memory of a device", f"{_size(memory.total)} of {_size(found.available_bytes)}"),
        ("", ", ".join(f"{name} {_size(value)}" for name, value in parts.items())),
        ("operations of a post", f"{found.flops_per_item / GIGA:,.3f} GFLOP"),
        ("posts a second", f"{found.items_per_second:,.0f}, {found.timed}"),
        ("a pass", f"{found.posts:,} posts in {found.steps:,} steps, {_time(found.seconds_per_pass)}"),
        ("the run", f"{found.epochs} passes at most, {_time(found.seconds)}"),
        ("disk", _size(found.disk_bytes)),
    ]
    if found.reading_seconds:
        before = f"{_time(found.reading_seconds)} before the first pass; what is read once is kept"
        rows.insert(-1, ("reading", before))
    if found.units:
        largest = f"{found.largest_unit / MEGA:,.1f} M parameters"
        rows.insert(
            1,
            (
                "shards",
                f"over {found.devices} devices, gathered in {found.units} parts, the largest {largest}",
            ),
        )
    if found.price:
        rows.append(("cost", f"{found.price:,.2f}"))
    return rows


def _size(value: float) -> str:
    return f"{value / GIGA:,.1f} GB" if value >= GIGA else f"{value / MEGA:,.1f} MB"


def _time(seconds: float) -> str:
    if seconds < 2 * MINUTE:
        return f"{seconds:,.0f} s"
    if seconds < 2 * MINUTE * MINUTE:
        return f"{seconds / MINUTE:,.0f} min"
    return f"{seconds / MINUTE / MINUTE:,.1f} h"
