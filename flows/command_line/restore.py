"""`moderato restore`: a backup into a home that holds nothing yet."""

from __future__ import annotations

import sys
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
    from flows.command_line.plain import said
    from infra.platform.restore import restore as put_back
    from infra.settings import Settings

    about = put_back(Settings(), folder)
    if json:
        from pydantic_core import to_json

        print(to_json(about.bytes, indent=2).decode())  # noqa: T201 - the command's own output
    else:
        told = ", ".join(f"{name} {size / 2**20:.1f} MiB" for name, size in about.bytes.items()) or "nothing"
        print(said(f"restored {told}"))  # noqa: T201 - the command's own output
    for name, count in about.left_out.items():
        print(  # noqa: T201 - the command's own output
            f"moderato: {count} files of {name} are no plain JSON and stay out; their steps run again",
            file=sys.stderr,
        )
