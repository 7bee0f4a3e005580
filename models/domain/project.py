"""The project folder: settings, policy sets, sources and parts of one's own, found from any folder below it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from models.domain.errors import UserError

MARK = "moderato.toml"  # the file that makes a folder a project
VARIABLE = "MODERATO_PROJECT"
PARTS = "parts"
WORD_LISTS = "word_lists"  # by which training rewords texts
FOLDERS = (PARTS, "policies")  # whose Python a step of a retraining may run


class NoProjectError(UserError):
    """A folder that was named as the project and is none."""


def project_folder() -> Path | None:
    """The folder that MODERATO_PROJECT names, else the nearest one upwards from the working directory; None for none.

    Raises NoProjectError where the one that is named is no project.
    """
    named = os.environ.get(VARIABLE, "")
    if named:
        folder = Path(named).absolute()
        if not (folder / MARK).is_file():
            raise NoProjectError(
                f"{VARIABLE} is {named!r}, which holds no {MARK}; `moderato init {named}` makes it a project"
            )
        return folder
    try:
        here = Path.cwd()
    except FileNotFoundError:  # somebody removed it
        return None
    return next((folder for folder in (here, *here.parents) if _is_project(folder)), None)


def own_files(folder: str, *suffixes: str) -> Iterator[Path]:
    """Files of one folder of the project, by name; those that begin with a dot or an underline are no entries."""
    project = project_folder()
    if project is None:
        return
    for path in sorted((project / folder).glob("*")):
        if path.suffix.lower() in suffixes and path.name[0] not in "._" and path.is_file():
            yield path


def code_files() -> list[Path]:
    """Every file of the project that a step's result hangs on, in order: Python that it may run, lists of words."""
    project = project_folder()
    code = [path for name in FOLDERS for path in (project / name).rglob("*.py")] if project else []
    return sorted([*code, *own_files(WORD_LISTS, ".toml")])


def shown(path: Path) -> str:
    """A path as people read it best: from the project's folder where it lies in there."""
    project = project_folder()
    return str(path.relative_to(project) if project and path.is_relative_to(project) else path)


def _is_project(folder: Path) -> bool:
    try:
        return (folder / MARK).is_file()
    except OSError:  # a folder above that this user may not look into
        return False
