"""What a champion will do, at the end of a retraining."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from models.evaluation.effects import Effects


SHARES = (3, 4, 6)  # columns of UNJUDGED_HEAD


def show_effects(effects: Effects, console: Console) -> None:
    """The table of a thousand posts, and what it cannot do yet."""
    from rich.box import SIMPLE
    from rich.table import Table

    from flows.cli.plain import plain
    from infra.report import (
        HEAD,
        TITLE,
        UNJUDGED_HEAD,
        effects_notes,
        effects_rows,
        unjudged_notes,
        unjudged_rows,
    )

    table = Table(title=f"{TITLE}, of a thousand posts", box=SIMPLE)
    for place, name in enumerate(HEAD):
        table.add_column(name, justify="left" if place < 2 else "right")  # noqa: PLR2004 - market and policy are words
    for row in effects_rows(effects):
        table.add_row(*map(plain, row))
    console.print(table)
    notes = effects_notes(effects)
    if effects.unjudged is not None:
        rows = unjudged_rows(effects.unjudged)
        if rows:
            table = Table(title="On posts that nobody judged, without a person", box=SIMPLE)
            for place, name in enumerate(UNJUDGED_HEAD):
                table.add_column(name, justify="right" if place in SHARES else "left")
            for row in rows:
                table.add_row(*map(plain, row))
            console.print(table)
        notes += unjudged_notes(effects.unjudged)
    for note in notes:
        console.print(plain(note), highlight=False, soft_wrap=True)
