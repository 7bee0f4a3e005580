"""`moderato doctor`: what is well with this machine, what is not, and what to do."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

COLOURS = {"well": "green", "worth knowing": "yellow", "to mend": "red"}


def doctor(*, json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False) -> None:
    """Check settings, stores, versions, ports, GPU and free disk; exit code 2 where something is to mend."""
    from infra.settings import Settings, adopt

    settings = Settings()
    adopt(settings)
    from infra.platform.doctor import examine

    found = list(examine(settings))
    if json:
        from pydantic_core import to_json

        print(to_json(found, indent=2).decode())  # noqa: T201 - the command's own output
    else:
        from rich.console import Console
        from rich.table import Table

        table = Table("", "", "seen", "what to do", box=None, show_header=False)
        for finding in found:
            colour = COLOURS[finding.verdict]
            table.add_row(f"[{colour}]{finding.verdict}[/]", finding.subject, finding.seen, finding.advice)
        Console().print(table)
    if any(finding.verdict == "to mend" for finding in found):
        sys.exit(2)
