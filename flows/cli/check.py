"""`moderato check parts`: the parts of one's own, by the tests that every entry has to pass."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import App, Parameter

FAULTY = 2

check = App(name="check", help="Try the parts of your own by the tests that every entry has to pass.")


@check.command
def parts(
    *,
    shipped: Annotated[bool, Parameter(name="--all", help="try what is shipped too", negative="")] = False,
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """Try your own gates, guardrails, plans, suites, signals, sources, encoders, objectives, perturbations and so on.

    Those are in the project's `parts`, `sources` and `policies`, and in installed packages. Exit code 2 where one has a
    fault.
    """
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    from flows.cli.plain import plain, terminal
    from flows.parts import tried

    console, found = terminal(highlight=False, soft_wrap=True), []
    for one in tried(settings, all_of_them=shipped):
        found.append(one)
        if json:
            continue
        for fault in one.faults:
            where = "" if fault.startswith(one.where.rpartition(":")[0]) else f"{one.where}: "
            console.print(f"[red]wrong[/]  {one.kind} [bold]{plain(one.name)}[/]  {plain(f'{where}{fault}')}")
        if not one.faults:
            console.print(
                f"[green]good[/]   {one.kind} [bold]{plain(one.name)}[/]  [dim]{plain(one.where)}[/]"
            )
    if json:
        from pydantic_core import to_json

        print(to_json({"parts": found}, indent=2).decode())  # noqa: T201 - the command's own output
    elif not found:
        console.print("no parts of your own; `moderato init` makes a project with a place for them")
    if any(one.faults for one in found):
        sys.exit(FAULTY)
