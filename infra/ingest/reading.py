"""Raw units as checked rows: what DuckDB can say of thousands at once, then what needs each distinct value."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.ingest.codes import is_language, is_market
from infra.ingest.database import another
from infra.ingest.lines import Block, may_be_parsed, newlines, sift
from infra.ingest.reject import Reject, shorten
from infra.ingest.shaping import json_lines, shape
from infra.ingest.source import Json, Source
from infra.ingest.units import Unit
from models.schemas import TIME

TEXTS = ("post_id", "author_id", "market", "language", "text", "image", "video", "labels", "digest", "reason")
NONE = pa.schema(
    [
        *[(name, pa.string()) for name in TEXTS],
        ("created_at", TIME),
        ("image_bytes", pa.binary()),
        ("video_bytes", pa.binary()),
        ("views", pa.int64()),
        ("hash", pa.uint64()),
    ]
).empty_table()

AHEAD = 2  # units in work at once; bounds memory


class Rows(NamedTuple):
    """Checked rows with their numbers, the unit's rejects, and its size in bytes."""

    table: pa.Table
    rows: np.ndarray
    bad: list[Reject]
    size: int
    seen: int  # rows in all
    names: list[str]  # of each row, where each is a file of its own


@dataclass(frozen=True)
class Reader:
    """Turns units into rows, several at once, in their order."""

    connection: duckdb.DuckDBPyConnection
    source: Source
    now: datetime
    work: Path
    workers: int

    def read(self, file: str, units: Iterator[Unit]) -> Iterator[Rows]:
        waiting: list[Future[Rows]] = []
        with ThreadPoolExecutor(self.workers) as pool:
            for unit in units:
                waiting.append(pool.submit(self._rows, file, unit))
                if len(waiting) >= AHEAD:
                    yield waiting.pop(0).result()
            for future in waiting:
                yield future.result()

    def _rows(self, file: str, unit: Unit) -> Rows:
        shaped, numbers, bad = self._shaped(file, unit)
        names = list(unit.files)
        seen = len(numbers) + len(bad)
        reasons = _reasons(shaped)
        for index, given in sorted(reasons.items()):
            reason, _, detail = given.partition("|")
            bad.append(Reject(names[index] if names else file, int(numbers[index]), reason, shorten(detail)))
        good = shaped.drop_columns("reason")
        if reasons:
            keep = np.ones(len(numbers), bool)
            keep[list(reasons)] = False
            good, numbers = good.filter(pa.array(keep)), numbers[keep]
            names = [name for name, kept in zip(names, keep, strict=True) if kept] if names else names
        return Rows(good, numbers, bad, unit.size, seen, names)

    def _shaped(self, file: str, unit: Unit) -> tuple[pa.Table, np.ndarray, list[Reject]]:
        with another(self.connection) as cursor:
            if isinstance(unit.raw, Block):
                return self._lines(cursor, file, unit.raw)
            if not unit.raw.num_columns:
                return NONE, unit.rows, list(unit.bad)
            cursor.register("piece", unit.raw)
            raw = (
                _columns(unit.raw.schema, self.source.reads)
                if isinstance(self.source.reads, Json)
                else "FROM piece"
            )
            return shape(cursor, raw, self.source, self.now), unit.rows, list(unit.bad)

    def _lines(
        self, cursor: duckdb.DuckDBPyConnection, file: str, block: Block
    ) -> tuple[pa.Table, np.ndarray, list[Reject]]:
        """The quick way for a block without a fault; line by line where there is one."""
        if may_be_parsed(block.data):
            count = newlines(block.data) + (not block.data.endswith(b"\n"))
            try:
                table = self._json(cursor, block.data)
            except duckdb.Error:
                table = None  # the careful way finds the line and the reason
            if table is not None and len(table) == count:
                return table, np.arange(block.first, block.first + count), []
        good, rows, bad = sift(block, file)
        table = self._json(cursor, "\n".join(good).encode()) if good else NONE
        return table, np.array(rows, np.int64), bad

    def _json(self, cursor: duckdb.DuckDBPyConnection, data: bytes) -> pa.Table:
        assert isinstance(self.source.reads, Json)
        with tempfile.NamedTemporaryFile(dir=self.work, suffix=".jsonl") as file:
            file.write(data)
            file.flush()
            return shape(cursor, json_lines(file.name, self.source.reads.columns), self.source, self.now)


def _columns(schema: pa.Schema, form: Json) -> str:
    """The SELECT that gives a Parquet piece the columns of the source."""
    columns = []
    for name, kind in form.columns.items():
        found = schema.field(name).type if name in schema.names else pa.null()
        if pa.types.is_binary(found) or pa.types.is_large_binary(found):
            columns += [f'"{name}" AS "{name}_bytes"', f'NULL::{kind} AS "{name}"']
        elif kind == "JSON" and pa.types.is_nested(found):
            columns.append(f'to_json("{name}") AS "{name}"')
        else:
            columns.append(
                f'"{name}"::VARCHAR AS "{name}"' if name in schema.names else f'NULL::{kind} AS "{name}"'
            )
    return f"SELECT {', '.join(columns)} FROM piece"  # noqa: S608 - names are the source's


def _reasons(table: pa.Table) -> dict[int, str]:
    """Why rows are refused, by their place in the table."""
    reasons: dict[int, str] = {}
    for name, known in (("language", is_language), ("market", is_market)):
        reasons |= {index: f"unknown_{name}|{value}" for index, value in _unknown(table[name], known)}
    given = table["reason"]
    if given.null_count < len(given):
        places = np.flatnonzero(given.is_valid().to_numpy())
        reasons |= dict(zip(places.tolist(), given.drop_null().to_pylist(), strict=True))
    return reasons


def _unknown(column: pa.ChunkedArray, known: Callable[[str], bool]) -> Iterator[tuple[int, str]]:
    """The rows whose value is not known; each distinct value is asked about once."""
    coded = pc.dictionary_encode(column.combine_chunks())
    values = coded.dictionary.to_pylist()
    bad = np.array([not known(value) for value in values], bool)
    if bad.any():
        codes = coded.indices.to_numpy()
        for index in np.flatnonzero(bad[codes]):
            yield int(index), values[codes[index]]
