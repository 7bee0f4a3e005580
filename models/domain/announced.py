"""Entries of a catalogue that lie outside the package: files of the project folder, and packages that are installed.

A file is looked through for the constant before it is imported, so that one with a fault costs only who asks for it.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from models.domain.errors import UserError
from models.domain.located import WrittenError
from models.domain.project import project_folder, shown

MEND = "mend it or take it away; `moderato check parts` tries it again"
PROJECT = "moderato_project"  # the package that files of the project are modules of


class UnknownEntryError(UserError):
    """A name that no file of the catalogue announces."""


class BrokenEntryError(UserError):
    """A file of the catalogue that does not announce what it should."""


@dataclass(frozen=True)
class Announced:
    """An entry before it is loaded: its name, where it is announced, as `file:line` or a module, and how to get it."""

    name: str
    where: str
    load: Callable[[], Any]
    own: bool = True  # not of this house


def in_file(path: Path, constant: str) -> Announced | None:
    """What a file of Python of the project announces by this constant; None for nothing."""
    line = announced_at(path, constant)
    if line is None:
        return None
    where = f"{shown(path)}:{line}"
    return Announced(path.stem, where, lambda: getattr(imported(path), constant, None))


def announced_at(path: Path, constant: str) -> int | None:
    """The line that sets a module's constant; a file that is no Python is read for what looks like it."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        found = re.search(rf"^{constant}\b[^=\n]*=", text, re.MULTILINE)
        return text.count("\n", 0, found.start()) + 1 if found else None
    for node in body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == constant for target in targets):
            return node.lineno
    return None


def imported(path: Path) -> ModuleType:
    """A file of the project as a module; raises BrokenEntryError, which names the line that fails."""
    project = project_folder()
    assert project is not None, "a file of a project"
    _package(project)
    name = ".".join((PROJECT, *path.relative_to(project).with_suffix("").parts))
    try:
        return importlib.import_module(name)
    except SyntaxError as error:
        where = f"{shown(Path(error.filename or path))}:{error.lineno or 1}"
        raise BrokenEntryError(f"{where}: {error.msg}; {MEND}") from None
    except WrittenError:
        raise
    except (Exception, SystemExit) as error:
        frames = [
            frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path
        ]
        line = frames[-1].lineno if frames else 1
        raise BrokenEntryError(f"{shown(path)}:{line}: {type(error).__name__}: {error}; {MEND}") from error


def _package(project: Path) -> None:
    """Make the project importable as a package of this name, without a place on the path that could hide others."""
    known = sys.modules.get(PROJECT)
    if known is None or [*known.__path__] != [str(project)]:
        for name in [name for name in sys.modules if name.split(".", 1)[0] == PROJECT]:
            del sys.modules[name]
        package = ModuleType(PROJECT)
        package.__path__ = [str(project)]
        sys.modules[PROJECT] = package
    importlib.invalidate_caches()


def installed(group: str, constant: str) -> Iterator[Announced]:
    """What installed packages announce in a group of entry points: `name = "package.module"`."""
    for point in _entry_points(group):
        package = point.dist.name if point.dist else "a package"
        yield Announced(point.name, f"{point.value} of {package}", partial(_loaded, point, constant))


@cache
def _entry_points(group: str) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=group))


def installed_code(groups: list[str]) -> list[str]:
    """What installed packages bring, by name and version: a step's results are no others' than theirs."""
    return [
        f"{point.group} {point.name} {point.value} {point.dist.version if point.dist else ''}"
        for group in sorted(groups)
        for point in _entry_points(group)
    ]


def _loaded(point: EntryPoint, constant: str) -> Any:
    try:
        found = point.load()
    except Exception as error:
        raise BrokenEntryError(f"{point.value}: {type(error).__name__}: {error}") from error
    return getattr(found, constant, None) if isinstance(found, ModuleType) else found
