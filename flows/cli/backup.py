"""`moderato backup`: everything under the home into a folder, while the platform runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from infra.platform.manifest import Manifest


def backup(
    folder: Annotated[Path, Parameter(help="an empty or a new folder")],
    /,
    *,
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """Copy the lake, MLflow, Prefect, finished steps, bundles, the journal and what the landing zone gave already.

    The platform may go on running. Logs, caches and the demo stay out. Stores that lie elsewhere (S3, PostgreSQL) are
    backed up with their own tools.
    """
    from infra.platform.backup import back_up
    from infra.settings import Settings

    tell("copied", back_up(Settings(), folder), json=json)


def tell(done: str, about: Manifest, *, json: bool) -> None:
    """What was `done` with each store of a backup, and what stays out of it."""
    if json:
        from pydantic_core import to_json

        print(to_json(about.bytes, indent=2).decode())  # noqa: T201 - the command's own output
    else:
        from flows.cli.plain import said

        told = ", ".join(f"{name} {size / 2**20:.1f} MiB" for name, size in about.bytes.items()) or "nothing"
        print(said(f"{done} {told}"))  # noqa: T201 - the command's own output
    for name, count in about.left_out.items():
        print(  # noqa: T201 - the command's own output
            f"moderato: {count} files of {name} are no plain JSON and stay out; their steps run again",
            file=sys.stderr,
        )
