"""A folder of files that each announce one constant, read by name.

Adding an entry is adding a file. A name is the file's name, so that two entries cannot share one, and only the file
that is asked for is imported. A name with dots is that of a module elsewhere, so that nobody has to add files here.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Generic, Protocol, TypeVar

from models.errors import UserError
from models.nearest import choose


class Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


class UnknownEntryError(UserError):
    """A name that no file of the catalogue announces."""


class BrokenEntryError(UserError):
    """A file of the catalogue that does not announce what it should."""


@dataclass(frozen=True)
class Catalogue(Generic[T]):
    """The entries of one package: `constant` is the name each file announces, `kind` the entry's type."""

    package: ModuleType
    constant: str
    kind: type[T]

    def names(self) -> list[str]:
        return sorted(module.name for module in pkgutil.iter_modules(self.package.__path__))

    def __getitem__(self, name: str) -> T:
        """The entry called `name`; raises UnknownEntryError (with the choices) or BrokenEntryError."""
        path = name if "." in name else f"{self.package.__name__}.{name}"
        if "." not in name and name not in self.names():
            raise UnknownEntryError(f"no {self.noun} called {name!r}; {choose(name, self.names())}")
        try:
            entry = getattr(importlib.import_module(path), self.constant, None)
        except ModuleNotFoundError as error:
            raise UnknownEntryError(f"no {self.noun} in {path}: {error}") from error
        if not isinstance(entry, self.kind):
            raise BrokenEntryError(
                f"{path} must announce {self.constant}, a {self.kind.__name__}; it has {entry!r}"
            )
        file = path.rpartition(".")[2]
        if entry.name != file:
            raise BrokenEntryError(f"{path} announces the name {entry.name!r}; name it as its file: {file!r}")
        return entry

    def __iter__(self) -> Iterator[T]:
        return (self[name] for name in self.names())

    @property
    def noun(self) -> str:
        return self.constant.lower().replace("_", " ")
