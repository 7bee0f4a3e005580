"""`moderato check`: the parts of one's own by the tests that every entry has to pass, and models by one's suites."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from models.bundle.functional import SuiteResult

FAULTY, SHORT = 2, 3

check = App(
    name="check",
    help="Try the parts of your own by what every entry has to pass, and versions by your functional suites.",
)


@check.command
def parts(
    *,
    shipped: Annotated[bool, Parameter(name="--all", help="try what is shipped too", negative="")] = False,
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """Try your own gates, guardrails, plans, suites, signals, sources, encoders, objectives, readers and so on.

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


@check.command
def functional(
    *,
    on: Annotated[
        str, Parameter(help="the version that is tried: an alias or a number; only the files where empty")
    ] = "",
    beside: Annotated[str, Parameter(help="the version that it is held against: an alias or a number")] = "",
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """Check the functional suites of the project's folder `functional`, and try a version on them.

    What passes stands by functionality, with its interval. Exit code 2 where a file has a fault, 3 where a
    functionality stays below its minimum.
    """
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    from pydantic_core import to_json

    from flows.cli.plain import plain, terminal
    from models.domain.errors import UserError
    from models.domain.located import WrittenError
    from tasks.scoring.functional import suites_of, tried_on

    console = terminal(highlight=False, soft_wrap=True)
    try:
        suites = suites_of(settings)
    except WrittenError as error:
        if json:
            print(to_json({"faults": error.faults}, indent=2).decode())  # noqa: T201 - its own output
        else:
            for fault in error.faults:
                console.print(f"[red]wrong[/]  {plain(fault)}")
        sys.exit(FAULTY)
    if beside and not on:
        raise UserError("--beside is held against a version that is tried; name that with --on")
    results = tried_on(settings, suites, on, beside) if on and suites else ()
    if json:
        named = {suite.name: len(suite.cases) for suite in suites}
        print(to_json({"suites": named, "results": results}, indent=2).decode())  # noqa: T201 - its own output
    else:
        for suite in suites:
            console.print(f"[green]good[/]   {plain(suite.name)}: {len(suite.cases):,} cases")
        if not suites:
            console.print(
                "no functional suites; put a CSV or JSONL file of cases into the project's `functional`"
            )
        if results:
            _print_results(results)
    if any(not found.is_met for result in results for found in result.functionalities):
        sys.exit(SHORT)


def _print_results(results: tuple[SuiteResult, ...]) -> None:
    from rich.markdown import Markdown

    from flows.cli.plain import lines, terminal
    from infra.report import functional_table

    terminal().print(Markdown(lines(functional_table(results))))
