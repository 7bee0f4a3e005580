"""Conditions that tables are asked with."""

from __future__ import annotations

from collections.abc import Iterable

import lance

WITHDRAWN = "withdrawn"


def quoted(value: object) -> str:
    """A value as SQL's text, whatever it holds."""
    escaped = str(value).replace("'", "''")
    return f"'{escaped}'"


def among(column: str, values: Iterable[object]) -> str:
    """The condition that the column has one of the values; there must be one."""
    return f"{column} IN ({', '.join(map(quoted, values))})"


def standing(judgements: lance.LanceDataset, condition: str = "") -> str:
    """The filter of the judgements that meet the condition and were not withdrawn; empty where that is all of them.

    Tables of releases that knew of no withdrawal have no such column.
    """
    stands = f"({WITHDRAWN} IS NULL OR {WITHDRAWN} = false)" if WITHDRAWN in judgements.schema.names else ""
    return " AND ".join(filter(None, (condition and f"({condition})", stands)))
