"""For commands that must answer at once: a third of what they import is pandas, which none of them needs."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Absent(MetaPathFinder):
    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None,  # noqa: ARG002 - as every finder is called
        target: ModuleType | None = None,  # noqa: ARG002 - the same
    ) -> ModuleSpec | None:
        if name == "pandas":
            raise ModuleNotFoundError(name)
        return None


def import_arrow() -> None:
    """Import Arrow's tables without pandas, which it looks for as it is imported; in a process that is new.

    Who imports pandas afterwards gets it: only Arrow's tables do not turn into its frames here.
    """
    if {"pyarrow", "pandas"} & sys.modules.keys():
        return
    absent = _Absent()
    sys.meta_path.insert(0, absent)
    try:
        import pyarrow.dataset  # noqa: F401 - for what it makes of the import
    finally:
        sys.meta_path.remove(absent)
