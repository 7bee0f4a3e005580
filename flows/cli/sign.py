"""`moderato sign`: a code that says who approves, for the form on Prefect's page."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from flows.cli.loading import spoken


def sign(version: Annotated[int, Parameter(help="registered version that waits for an answer")], /) -> None:
    """Print a code for the approval of a version, made from your key; it holds for ten minutes, and no secret.

    Asks for the key, or reads it from standard input. `moderato keys create --scope approve --name NAME` makes one.
    """
    from datetime import UTC, datetime
    from getpass import getpass

    from infra.gateway.auth.codes import sign as signed
    from infra.settings import Settings
    from tasks.release.approver import subject

    spoken()
    key = getpass("key: ") if sys.stdin.isatty() else sys.stdin.readline()
    print(signed(key.strip(), subject(Settings(), version), datetime.now(UTC)))  # noqa: T201 - the command's own output
