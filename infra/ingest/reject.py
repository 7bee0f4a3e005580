"""Why a row was not taken. Keys are what summaries count by; a detail never holds a whole post."""

from __future__ import annotations

from typing import NamedTuple

LONGEST_DETAIL = 120


class BadLineError(ValueError):
    """A line that is no row, or a file that cannot be read on; args are the reason and the detail."""


class Reject(NamedTuple):
    file: str
    row: int  # 1-based line, record or file number within `file`
    reason: str
    detail: str


def shorten(value: object) -> str:
    """The value on one line, cut where it is long; characters that no table can hold are escaped."""
    text = ascii(value)[1:-1] if isinstance(value, str) and not value.isprintable() else str(value)
    return text if len(text) <= LONGEST_DETAIL else text[: LONGEST_DETAIL - 1] + "…"
