"""What an ingest did without being asked: values it left out or read as unknown, columns and files it passed over."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from threading import Lock

from infra.ingest.reject import shorten
from infra.ingest.summary import EXAMPLES, Noticed

CLOSE = 0.8  # similarity of two names of which one may be misspelt for the other


class Notes:
    """Counts by kind, with a few examples; many threads may add."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: dict[str, int] = {}
        self._told: dict[str, list[str]] = {}
        self._columns: set[str] = set()

    def add(self, kind: str, example: str, count: int = 1) -> None:
        with self._lock:
            self._counts[kind] = self._counts.get(kind, 0) + count
            told = self._told.setdefault(kind, [])
            if len(told) < EXAMPLES and shorten(example) not in told:
                told.append(shorten(example))

    def merge(self, other: Notes) -> None:
        for kind, count in other._counts.items():
            for place, example in enumerate(other._told[kind]):
                self.add(kind, example, 0 if place else count)

    def columns(self, names: Iterable[str], wanted: Collection[str]) -> None:
        """Names of columns that a file has; what is nearly one that is read is told once."""
        for name in names:
            if name in self._columns or name in wanted:
                continue
            self._columns.add(name)
            if near := nearest(name, wanted):
                self.add("similar_column", f'"{name}" is not read; did you mean {near}?')

    def similar(self) -> str:
        """What was told of columns so far, for rows that lack one."""
        with self._lock:
            return "; ".join(self._told.get("similar_column", []))

    def noticed(self) -> Noticed:
        with self._lock:
            return Noticed(by_kind=dict(self._counts), examples={kind: list(told) for kind, told in self._told.items()})


def nearest(name: str, wanted: Collection[str]) -> str | None:
    """The wanted name that this one may have been meant for: other case, other joints, a letter or two."""
    bare = {_bare(other): other for other in wanted}
    found = difflib.get_close_matches(_bare(name[:100]), bare, 1, CLOSE)
    return bare[found[0]] if found else None


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()
