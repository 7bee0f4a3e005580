"""A folder of files that each announce one constant, read by name.

Adding an entry is adding a file: here, in the project folder's `parts`, or in an installed package that names it in the
entry points `moderato.<constant>s`. A name is the file's name, and only the file that is asked for is imported. A name
with dots is that of a module elsewhere.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from models.domain.announced import Announced, BrokenEntryError, UnknownEntryError, in_file, installed
from models.domain.errors import UserError
from models.domain.nearest import choose
from models.domain.project import PARTS, own_files, shown

__all__ = ["BrokenEntryError", "Catalogue", "Named", "UnknownEntryError"]


class Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


@dataclass(frozen=True)
class Catalogue(Generic[T]):
    """The entries of one kind: `constant` is the name that each file announces, `kind` the entry's type.

    package: the name of the one that has this house's files; no part of it is imported to tell what there is, and what
    entries are made of may lie in packages below it. `made`: entries that are functions in place of files. `folder`: a
    folder of the project beside `parts`. `readers`: by suffix, of files that are data and no Python.
    """

    package: str | None
    constant: str
    kind: type[T]
    folder: str = ""
    readers: Mapping[str, Callable[[Path], T]] = field(default_factory=dict)
    made: Mapping[str, Callable[[], T]] = field(default_factory=dict)
    unknown: type[UserError] = UnknownEntryError

    def names(self) -> list[str]:
        return sorted({entry.name for entry in self.announced()})

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __getitem__(self, name: str) -> T:
        """The entry called `name`; raises UnknownEntryError (with the choices) or BrokenEntryError."""
        found = [entry for entry in self.announced() if entry.name == name]
        if len(found) > 1:
            places = " and ".join(entry.where for entry in found)
            raise BrokenEntryError(f"{len(found)} {self.noun}s are called {name!r}: {places}; rename one")
        if found:
            return self.load(found[0])
        if "." not in name:
            raise self.unknown(f"no {self.noun} called {name!r}; {choose(name, self.names())}")
        return self.load(Announced(name.rpartition(".")[2], name, lambda: self._elsewhere(name)))

    def load(self, entry: Announced) -> T:
        """Raises BrokenEntryError for what is no such entry, or has another name than its file."""
        found = entry.load()
        if not isinstance(found, self.kind):
            raise BrokenEntryError(
                f"{entry.where} must announce {self.constant}, a {self.kind.__name__}; it has {found!r}"
            )
        if found.name != entry.name:
            raise BrokenEntryError(
                f"{entry.where} announces the name {found.name!r}; name it as its file: {entry.name!r}"
            )
        return found

    def __iter__(self) -> Iterator[T]:
        return (self[name] for name in self.names())

    def sound(self) -> Iterator[T]:
        """Every entry that can be loaded, for lists of what there is: one that is broken is told where it is needed."""
        for name in self.names():
            with suppress(UserError):
                yield self[name]

    def announced(self) -> list[Announced]:
        """Every entry before it is loaded: this house's, the project's, the installed packages'."""
        return [*self._house(), *self._project(), *installed(self.group, self.constant)]

    def twice(self) -> dict[str, list[str]]:
        """Names that several entries have, with where those are."""
        places = defaultdict(list)
        for entry in self.announced():
            places[entry.name].append(entry.where)
        return {name: found for name, found in places.items() if len(found) > 1}

    @property
    def noun(self) -> str:
        return self.constant.lower().replace("_", " ")

    @property
    def group(self) -> str:
        """Of entry points, as in moderato.policy_sets."""
        return f"moderato.{self.constant.lower()}s"

    @property
    def folders(self) -> list[Path]:
        """Where this house's files lie."""
        spec = find_spec(self.package) if self.package else None
        return [Path(folder) for folder in (spec.submodule_search_locations if spec else None) or ()]

    def _house(self) -> Iterator[Announced]:
        for name, make in self.made.items():
            yield Announced(name, make.__module__, make, own=False)
        for module in pkgutil.iter_modules(map(str, self.folders)):
            if not module.ispkg:  # what entries are made of
                path = f"{self.package}.{module.name}"
                yield Announced(module.name, path, partial(self._elsewhere, path), own=False)
        for folder in self.folders:
            yield from (self._data(path, own=False) for path in sorted(folder.glob("*")) if self._reads(path))

    def _project(self) -> Iterator[Announced]:
        for folder in dict.fromkeys((PARTS, self.folder or PARTS)):
            modules = (in_file(path, self.constant) for path in own_files(folder, ".py"))
            yield from (entry for entry in modules if entry is not None)
        if self.folder:
            yield from (self._data(path, own=True) for path in own_files(self.folder, *self.readers))

    def _reads(self, path: Path) -> bool:
        return path.suffix.lower() in self.readers

    def _data(self, path: Path, *, own: bool) -> Announced:
        return Announced(path.stem, shown(path), lambda: self.readers[path.suffix.lower()](path), own=own)

    def _elsewhere(self, module: str) -> Any:
        try:
            return getattr(importlib.import_module(module), self.constant, None)
        except ModuleNotFoundError as error:
            raise self.unknown(f"no {self.noun} in {module}: {error}") from error
