"""`moderato restore`: a backup into a home that holds nothing yet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def restore(
    folder: Annotated[Path, Parameter(help="what moderato backup wrote")],
    /,
    *,
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """Put a backup into the home, which may be another folder or machine than it was made on.

    Every file is checked against the backup's own list first; then all of it takes its place, or nothing.
    """
    from flows.cli.backup import tell
    from infra.platform.restore import restore as put_back
    from infra.settings import Settings

    tell("restored", put_back(Settings(), folder), json=json)
