"""The house as its imports draw it: arrows between files, between rooms, and into rooms past their doors."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

FACE = "PUBLIC"  # constant of a room's __init__: its modules that others import from their own file


@dataclass(frozen=True)
class Arrow:
    """One import: `source` names `target`, both modules of the house, and takes `name` of it where it takes one."""

    source: str
    target: str
    name: str | None
    where: str  # file:line

    def __str__(self) -> str:
        return f"{self.where}: {self.source} -> {self.target}{f' ({self.name})' if self.name else ''}"


@dataclass(frozen=True)
class House:
    """The packages below a folder. Imports inside functions count; those for annotations alone do not."""

    root: Path
    packages: tuple[str, ...]

    @cached_property
    def modules(self) -> dict[str, Path]:
        paths = (path for package in self.packages for path in sorted((self.root / package).rglob("*.py")))
        return {self._module(path): path for path in paths}

    @cached_property
    def arrows(self) -> list[Arrow]:
        return [arrow for module in self.modules for arrow in self._arrows(module)]

    def circles(self, within: str, depth: int | None = None) -> list[list[Arrow]]:
        """Of modules below `within`, cut to so many names where rooms are asked for: the arrows of each circle."""

        def cut(module: str) -> str:
            return ".".join(module.split(".")[:depth])

        drawn = [
            arrow
            for arrow in self.arrows
            if _below(arrow.source, within)
            and _below(arrow.target, within)
            and within not in (cut(arrow.source), cut(arrow.target))  # the face of all
            and cut(arrow.source) != cut(arrow.target)
        ]
        ends = defaultdict(set)
        for arrow in drawn:
            ends[cut(arrow.source)].add(cut(arrow.target))
        found = [circle for circle in _components(ends) if len(circle) > 1]
        return [
            [arrow for arrow in drawn if {cut(arrow.source), cut(arrow.target)} <= circle] for circle in found
        ]

    def past_the_door(self, package: str) -> list[Arrow]:
        """Arrows from outside into a room of `package`, to what neither its face nor its list of modules shows."""
        rooms = {module for module, path in self.modules.items() if self._is_room(module, path, package)}
        faces = {room: self._face(room) for room in rooms}
        return [
            arrow
            for arrow in self.arrows
            for room in [".".join(arrow.target.split(".")[:2])]
            if room in rooms
            and not _below(arrow.source, room)
            and arrow.target != room
            and not _shown(arrow, room, *faces[room])
        ]

    def _is_room(self, module: str, path: Path, package: str) -> bool:
        return module.rpartition(".")[0] == package and path.name == "__init__.py"

    def _face(self, room: str) -> tuple[set[str], set[str]]:
        """Names that a room shows, and its modules that are open to all."""
        constants = {
            target.id: ast.literal_eval(node.value)
            for node in ast.parse(self.modules[room].read_text()).body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id in ("__all__", FACE)
        }
        return set(constants.get("__all__", ())), set(constants.get(FACE, ()))

    def _module(self, path: Path) -> str:
        parts = path.relative_to(self.root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def _arrows(self, module: str) -> Iterator[Arrow]:
        path = self.modules[module]
        for node in _imports(ast.parse(path.read_text())):
            where = f"{path.relative_to(self.root)}:{node.lineno}"
            for target, name in _named(node):
                if name is not None and f"{target}.{name}" in self.modules:
                    yield Arrow(module, f"{target}.{name}", None, where)
                elif target in self.modules:
                    yield Arrow(module, target, name, where)


def _shown(arrow: Arrow, room: str, names: set[str], modules: set[str]) -> bool:
    """Whether a room shows what an arrow takes: a module that is open, or a name of its face that a file has too."""
    inner = arrow.target.removeprefix(f"{room}.")
    return inner in modules or (arrow.name is None and inner in names)


def _below(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _named(node: ast.Import | ast.ImportFrom) -> list[tuple[str, str | None]]:
    if isinstance(node, ast.Import):
        return [(alias.name, None) for alias in node.names]
    assert node.module is not None, "the house imports by whole names"
    return [(node.module, alias.name) for alias in node.names]


def _imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import that runs some time."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from _imports(node)


def _components(ends: dict[str, set[str]]) -> Iterable[set[str]]:
    """What reaches each other."""
    reach = {start: _reached(start, ends) for start in ends}
    return {
        frozenset(other for other in found if start in reach.get(other, ())) | {start}
        for start, found in reach.items()
    }


def _reached(start: str, ends: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    todo = [*ends[start]]
    while todo:
        module = todo.pop()
        if module not in found:
            found.add(module)
            todo += ends.get(module, ())
    return found
