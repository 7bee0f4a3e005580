"""`moderato init`: a project folder of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def init(
    folder: Annotated[Path, Parameter(help="where it shall lie; made where it is absent")] = Path(),
    /,
) -> None:
    """Make a project folder: settings, a policy set to edit, places for sources and parts of your own.

    Commands find it from any folder below, so that they work on the same state wherever they are called. A file that
    is there is never changed.
    """
    from flows.command_line.plain import plain, terminal
    from infra.starter import begin_project
    from models.project import MARK, project_folder

    outer, folder = project_folder(), folder.resolve()
    begun = begin_project(folder)
    console = terminal(highlight=False, soft_wrap=True)
    for name in begun.written:
        console.print(f"  made  {plain(name)}")
    for name in begun.kept:
        console.print(f"  [dim]kept  {plain(name)}, which was there[/]")
    if outer and outer != folder:
        told = f"it lies in another project, {outer}, whose settings do not reach in here"
        console.print(
            f"[yellow]note[/]  {plain(told)}"
            if folder.is_relative_to(outer)
            else f"[yellow]note[/]  {plain(f'commands that are called from here still work on {outer}')}"
        )
    if MARK not in begun.written:
        console.print(plain(f"{folder} was a project already; nothing in it was changed"))
    console.print(f"\nnext: cd {plain(str(folder))}")
    console.print("      edit policies/guidelines.toml, then: moderato policies check")
    console.print(
        "      moderato ingest --help says how your posts come in; moderato retrain makes a champion"
    )
