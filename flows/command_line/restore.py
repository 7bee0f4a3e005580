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
    """Put a backup into the home, which may be another folder or machine than it was made on."""
    from flows.command_line.plain import said
    from infra.platform.backup import restore as put_back
    from infra.settings import Settings

    found = put_back(Settings(), folder)
    if json:
        from pydantic_core import to_json

        print(to_json(found, indent=2).decode())  # noqa: T201 - the command's own output
    else:
        told = ", ".join(f"{name} {size / 2**20:.1f} MiB" for name, size in found.items()) or "nothing"
        print(said(f"restored {told}"))  # noqa: T201 - the command's own output
