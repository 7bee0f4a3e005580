"""`moderato backup`: everything under the home into a folder, while the platform runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def backup(
    folder: Annotated[Path, Parameter(help="an empty or a new folder")],
    /,
    *,
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """Copy the lake, MLflow, Prefect, finished steps and the journal; the platform may go on running.

    Stores that lie elsewhere (S3, PostgreSQL) are backed up with their own tools.
    """
    from flows.command_line.plain import said
    from infra.platform.backup import back_up
    from infra.settings import Settings

    found = back_up(Settings(), folder)
    if json:
        from pydantic_core import to_json

        print(to_json(found, indent=2).decode())  # noqa: T201 - the command's own output
    else:
        told = ", ".join(f"{name} {size / 2**20:.1f} MiB" for name, size in found.items()) or "nothing"
        print(said(f"copied {told}"))  # noqa: T201 - the command's own output
