"""`moderato doctor`: what is well with this machine, what is not, and what to do."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

COLOURS = {"well": "green", "worth knowing": "yellow", "to mend": "red"}
WIDTH = max(map(len, COLOURS))


def doctor(*, json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False) -> None:
    """Check settings, stores, versions, ports, GPU and free disk; exit code 2 where something is to mend."""
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    from infra.platform.doctor import examine

    found = list(examine(settings))
    if json:
        from pydantic_core import to_json

        print(to_json(found, indent=2).decode())  # noqa: T201 - the command's own output
    else:
        from flows.cli.plain import plain, terminal

        console = terminal(soft_wrap=True, highlight=False)
        for finding in found:
            verdict = f"[{COLOURS[finding.verdict]}]{finding.verdict:<{WIDTH}}[/]"
            console.print(f"{verdict} {plain(finding.subject)}: {plain(finding.seen)}")
            if finding.advice:
                console.print(f"{'':<{WIDTH}}   {plain(finding.advice)}")
    if any(finding.verdict == "to mend" for finding in found):
        sys.exit(2)
