"""Values within the conditions that tables are asked with."""

from __future__ import annotations


def quoted(value: object) -> str:
    """A value as SQL's text, whatever it holds."""
    escaped = str(value).replace("'", "''")
    return f"'{escaped}'"
