"""`moderato settings`: every setting, its value, where the value came from and what it is for."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter


def settings(*, json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False) -> None:
    """Show every setting with its value, source and description; secrets are masked."""
    from infra.settings import Settings, explain

    rows = list(explain(Settings()))
    if json:
        from dataclasses import asdict

        from pydantic_core import to_json

        print(to_json({row.variable: asdict(row) for row in rows}, indent=2).decode())  # noqa: T201
        return
    from flows.cli.plain import plain, terminal

    console = terminal(soft_wrap=True, highlight=False)
    for row in rows:
        console.print(
            f"[bold]{row.variable}[/] = {plain(row.value) or '[dim]empty[/]'}  [dim]({row.source})[/]"
        )
        console.print(f"    {row.description}")
