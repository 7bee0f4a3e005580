"""Files in pieces of bounded size, each readable by DuckDB on its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from infra.ingest.documents import is_listed, is_spread, spread, tidied
from infra.ingest.lines import BLOCK_BYTES, Block, blocks
from infra.ingest.locations import Found
from infra.ingest.notes import Notes
from infra.ingest.opening import unpacked
from infra.ingest.records import Record, records
from infra.ingest.reject import BadLineError, Reject, shorten
from infra.ingest.source import Delimited

RECORDS = 20_000  # CSV records a piece
NOTHING = pa.table({})


class Unit(NamedTuple):
    """Raw rows: lines that are not yet read, a table of text, or a batch of a file's own types.

    `rows` are their numbers in the file.
    """

    raw: Block | pa.Table | pa.RecordBatch
    rows: np.ndarray
    bad: list[Reject]
    size: int  # bytes
    files: Sequence[str] = ()  # of each row, where a row is a file


def read_json(path: Path) -> Iterator[Unit]:
    """Objects a line each, in a list, or over several lines."""
    with unpacked(path) as (head, stream):
        if is_spread(head):
            found = spread(stream)
        elif is_listed(head):
            found = map(tidied, blocks(stream))
        else:
            found = blocks(stream)
        for block in found:
            yield Unit(block, np.empty(0, np.int64), [], len(block.data))


def read_delimited(file: Found, path: Path, form: Delimited, notes: Notes) -> Iterator[Unit]:
    """Raises BadLineError where the header lacks a column, or has it twice."""
    with unpacked(path) as (_, stream):
        found = records(stream, form, 0 if form.header else len(form.columns))
        header = list(form.columns)
        if form.header:
            first = next(found, None)
            if first is None:
                return
            header = _header(first, form, notes)
        done = 0
        for piece in _pieces(found):
            done, before = stream.tell(), done
            yield _tabled(file, piece, header, done - before)


def _pieces(found: Iterator[Record]) -> Iterator[list[Record]]:
    """Records that are read together: not too many of them, nor of too many characters."""
    piece: list[Record] = []
    size = 0
    for record in found:
        piece.append(record)
        size += sum(map(len, record.fields)) if isinstance(record.fields, list) else 0
        if size > BLOCK_BYTES or len(piece) >= RECORDS:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _header(record: Record, form: Delimited, notes: Notes) -> list[str]:
    """The names of the columns, made so that each is there once; raises BadLineError."""
    if isinstance(record.fields, BadLineError):
        raise record.fields
    names = [name.removeprefix("\ufeff").strip() for name in record.fields]
    notes.columns(names, form.columns)
    if missing := [name for name in form.columns if name not in names]:
        raise BadLineError(
            "missing_column",
            shorten(
                f"needs {', '.join(map(repr, missing))}; has {', '.join(map(repr, names))}; {_hint(names, form)}"
            ),
        )
    for name in form.columns:
        if names.count(name) > 1:
            raise BadLineError(
                "ambiguous_column",
                f"{names.count(name)} columns are called {name}; rename or drop all but one",
            )
    return [name if name in form.columns else f"{place} {name}" for place, name in enumerate(names)]


def _hint(names: list[str], form: Delimited) -> str:
    other = next((sign for sign in ";\t|," if len(names) == 1 and sign in names[0]), None)
    return (
        f"fields are separated by {form.delimiter!r}, and not by {other!r}"
        if other
        else "the header is line 1"
    )


def _tabled(file: Found, piece: Sequence[Record], header: list[str], size: int) -> Unit:
    good = [record for record in piece if isinstance(record.fields, list)]
    bad = [Reject(file.name, record.row, *record.fields.args) for record in piece
           if isinstance(record.fields, BadLineError)]  # fmt: skip
    columns = list(zip(*(record.fields for record in good), strict=True)) or [()] * len(header)
    names = [name or "#" for name in header]
    raw = pa.table([pa.array(column, pa.string()) for column in columns], names=names)
    return Unit(raw, np.array([record.row for record in good], np.int64), bad, size)
