"""`moderato init`: a project folder of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from infra.starter import Begun

IGNORED = ".moderato"  # what git must leave alone: the lake, models, keys


def init(
    folder: Annotated[Path, Parameter(help="where it shall lie; made where it is absent")] = Path(),
    /,
) -> None:
    """Make a project folder: settings, a policy set to edit, places for sources and parts of your own.

    Commands find it from any folder below, so that they work on the same state wherever they are called. A file that
    is there is never changed.
    """
    from flows.cli.plain import plain, terminal
    from infra.starter import begin_project
    from models.domain.project import project_folder

    outer, begun = project_folder(), begin_project(folder.resolve())
    console = terminal(highlight=False, soft_wrap=True)
    for name in begun.written:
        console.print(f"  made  {plain(name)}")
    for name in begun.kept:
        console.print(f"  [dim]kept  {plain(name)}, which was there[/]")
    for note in _notes(begun, outer):
        console.print(f"[yellow]note[/]  {plain(note)}")
    console.print(f"\nnext: cd {plain(begun.folder)}")
    console.print("      edit policies/guidelines.toml, then: moderato policies check")
    console.print(
        "      moderato ingest --help says how your posts come in, moderato retrain makes a champion"
    )


def _notes(begun: Begun, outer: Path | None) -> Iterator[str]:
    """What to know of the project; `outer` is the one that the command was called in."""
    from models.domain.project import MARK

    ignoring = begun.folder / ".gitignore"
    if IGNORED not in ignoring.read_text(errors="replace"):
        yield f"{ignoring} does not name {IGNORED}/, where posts and keys lie: add a line for it and one for .env"
    if MARK in begun.kept:
        yield f"{begun.folder} was a project already"
    elif outer and begun.folder.is_relative_to(outer):
        yield f"it lies in another project, {outer}, whose settings do not reach in here"
