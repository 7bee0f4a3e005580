"""Names that modules had in the release before: homes, parts and scripts of people go on naming them.

A version that MLflow registered then runs its own copy of the code that loads it, a preset names the module of its
encoder, and a project's parts import ours. An import of a former name gives what has its place now, and says so.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MODULES: dict[str, str] = {}

# what has left a module that stays, or lies elsewhere than its module
SYMBOLS: dict[str, str] = {}


def present(name: str) -> str:
    """What a dotted name of a module, or of something in one, is called now; itself where it never changed."""
    if name in SYMBOLS:
        return f"{SYMBOLS[name]}.{name.rpartition('.')[2]}"
    parts = name.split(".")
    for end in range(len(parts), 1, -1):
        found = MODULES.get(".".join(parts[:end]))
        if found is not None:
            return ".".join((found, *parts[end:]))
    return name


class _Former(ModuleType):
    """A module under its former name; it holds nothing, and looks everything up where it is now."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what Python asks of any module
            raise AttributeError(name)
        module, _, symbol = present(f"{self.__name__}.{name}").rpartition(".")
        try:
            return getattr(importlib.import_module(module), symbol)
        except (AttributeError, ModuleNotFoundError):
            raise AttributeError(f"module {self.__name__!r}, now {module!r}, has no {name!r}") from None


class _Finder:
    """The last to be asked, for names that nothing has any more."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - Python's
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if present(fullname) == fullname and not any(name.startswith(f"{fullname}.") for name in MODULES):
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Former(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        now = present(module.__name__)
        if now != module.__name__:
            importlib.import_module(now)  # whose errors are its own
            warnings.warn(f"{module.__name__} is {now} now", DeprecationWarning, stacklevel=2)


def serve() -> None:
    """Let every import find former names; called again, it changes nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
