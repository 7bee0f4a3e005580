"""What a champion will do, at the end of a retraining."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from models.evaluation.effects import Effects


def show_effects(effects: Effects, console: Console) -> None:
    """The table of a thousand posts, and what it cannot do yet."""
    from rich.box import SIMPLE
    from rich.table import Table

    from flows.cli.plain import plain
    from infra.report import HEAD, TITLE, effects_notes, effects_rows

    table = Table(title=f"{TITLE}, of a thousand posts", box=SIMPLE)
    for place, name in enumerate(HEAD):
        table.add_column(name, justify="left" if place < 2 else "right")  # noqa: PLR2004 - market and policy are words
    for row in effects_rows(effects):
        table.add_row(*map(plain, row))
    console.print(table)
    for note in effects_notes(effects):
        console.print(plain(note), highlight=False, soft_wrap=True)
