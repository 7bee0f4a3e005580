"""Raw units as checked rows: what DuckDB can say of thousands at once, then what needs each value by itself."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from infra.ingest.chunks import Unit
from infra.ingest.columns import Columns, read_columns
from infra.ingest.database import Spare, another, database
from infra.ingest.folding import folded
from infra.ingest.languages import identified
from infra.ingest.lines import Block, lines, may_be_parsed, newlines, sift
from infra.ingest.notes import Notes
from infra.ingest.reject import Reject, shorten
from infra.ingest.source import Json, Source, Tabular
from infra.ingest.transform import json_lines, judged, typed
from models.domain.schemas import TIME

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

PREFETCHED_UNITS = 2  # units in work at once; bounds memory
LOOKED_AT = 16 << 10  # bytes of each block whose keys are looked at
# No fault of one row: a full disk, no memory.
OUTAGES = (duckdb.OutOfMemoryException, duckdb.IOException, duckdb.InterruptException, OSError, MemoryError)

Faults = dict[int, tuple[str, str]]  # reason and detail by place


class DoubtfulError(Exception):
    """Whether values are texts or numbers can be told from the file only."""


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

    spare: Spare
    source: Source
    now: datetime
    work: Path
    workers: int
    notes: Notes
    identify: bool = False  # the language of a text whose post names none

    def read(self, file: str, units: Iterator[Unit]) -> Iterator[Rows]:
        """In a database apart: one that a file's rows have broken is broken for all that lies in it."""
        waiting: list[Future[Rows]] = []
        connection = self.spare.whole()
        with ThreadPoolExecutor(self.workers) as pool:
            for unit in units:
                waiting.append(pool.submit(self._rows, connection, file, unit))
                if len(waiting) >= PREFETCHED_UNITS:
                    yield waiting.pop(0).result()
            for future in waiting:
                yield future.result()

    def _rows(self, connection: duckdb.DuckDBPyConnection, file: str, unit: Unit) -> Rows:
        names = list(unit.files)
        if isinstance(unit.raw, Block):
            shaped, numbers, bad = self._lines(connection, file, unit.raw)
        else:
            numbers, bad = unit.rows, list(unit.bad)
            shaped = self._table(connection, unit.raw, len(numbers)) if unit.raw.num_columns else NONE
        seen = len(numbers) + len(bad)
        reasons = _reasons(shaped)
        for index, (reason, detail) in sorted(reasons.items()):
            bad.append(Reject(names[index] if names else file, int(numbers[index]), reason, shorten(detail)))
        good = shaped.drop_columns("reason")
        if reasons:
            keep = np.ones(len(numbers), bool)
            keep[list(reasons)] = False
            good, numbers = good.filter(pa.array(keep)), numbers[keep]
            names = [name for name, kept in zip(names, keep, strict=True) if kept] if names else names
        return Rows(good, numbers, bad, unit.size, seen, names)

    def _table(
        self, connection: duckdb.DuckDBPyConnection, raw: pa.Table | pa.RecordBatch, count: int
    ) -> pa.Table:
        def shape(connection: duckdb.DuckDBPyConnection, start: int, end: int) -> pa.Table:
            piece = raw.slice(start, end - start)
            if isinstance(piece, pa.Table):
                connection.register("piece", piece)
                return self._shaped(connection, "FROM piece")
            assert isinstance(self.source.reads, Json)
            found = read_columns(piece, self.source.reads)
            connection.register("piece", found.table())
            return _with_faults(self._shaped(connection, found.select(self.source.reads)), found)

        return self._surely(connection, shape, count)

    def _lines(
        self, connection: duckdb.DuckDBPyConnection, file: str, block: Block
    ) -> tuple[pa.Table, np.ndarray, list[Reject]]:
        """The quick way for a block without a fault; line by line where there is one."""
        assert isinstance(self.source.reads, Json)
        columns = self.source.reads.columns
        self._look_at(block, columns)
        if may_be_parsed(block.data):
            count = newlines(block.data) + (not block.data.endswith(b"\n"))
            try:
                with another(connection) as cursor:
                    table = self._json(cursor, block.data, sure=False)
            except (duckdb.Error, DoubtfulError, UnicodeError) as error:
                _reraise_outage(error)
                table = None  # the careful way finds the line and the reason
            if table is not None and len(table) == count:
                return table, np.arange(block.first, block.first + count), []
        good, rows, bad = sift(block, file, tuple(columns), self.notes)

        def shape(connection: duckdb.DuckDBPyConnection, start: int, end: int) -> pa.Table:
            return self._json(connection, "\n".join(good[start:end]).encode(), sure=True)

        table = self._surely(connection, shape, len(good)) if good else NONE
        return table, np.array(rows, np.int64), bad

    def _look_at(self, block: Block, columns: dict[str, str]) -> None:
        """The keys of the first objects, for those that are nearly a column."""
        start = block.data[:LOOKED_AT]
        whole = start[: start.rfind(b"\n") + 1] or block.data[: block.data.find(b"\n") + 1] or block.data
        for line in lines(Block(block.first, whole)):
            try:
                value = json.loads(line.data)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                self.notes.columns(value, columns)

    def _json(self, connection: duckdb.DuckDBPyConnection, data: bytes, *, sure: bool) -> pa.Table:
        """Raises DoubtfulError unless what they are is sure."""
        assert isinstance(self.source.reads, Json)
        with tempfile.NamedTemporaryFile(dir=self.work, suffix=".jsonl") as file:
            file.write(data)
            file.flush()
            return self._shaped(connection, json_lines(file.name, self.source.reads.columns), sure=sure)

    def _shaped(self, connection: duckdb.DuckDBPyConnection, select: str, *, sure: bool = True) -> pa.Table:
        made = folded(typed(connection, select, self.source))
        if made.doubtful and not sure:
            raise DoubtfulError
        self.notes.merge(made.notes)
        if self.identify:
            made.replace("language", identified(made.table["language"], made.table["text"]))
        reads = self.source.reads
        posts = not isinstance(reads, Tabular) or reads.map.of_posts
        verdict = judged(connection, made.table, self.now, posts=posts)
        given = verdict["reason"].to_pylist() if made.reasons else []
        for place, (reason, detail) in made.reasons.items():
            given[place] = given[place] or f"{reason}|{detail}"
        reasons = pa.array(given, pa.string()) if given else verdict["reason"]
        columns = {name: made.table[name] for name in NONE.column_names if name in made.table.column_names}
        columns |= {"digest": verdict["digest"], "hash": verdict["hash"], "reason": self._told(reasons)}
        return pa.table({name: columns[name] for name in NONE.column_names})

    def _told(self, reasons: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
        """A row without content, beside a column that is nearly one, is told of it."""
        similar = self.notes.similar()
        if not similar or reasons.null_count == len(reasons):
            return reasons
        given = [
            f"{reason}; {similar}" if reason and reason.startswith("missing_column|") else reason
            for reason in reasons.to_pylist()
        ]
        return pa.array(given, pa.string())

    def _surely(
        self,
        connection: duckdb.DuckDBPyConnection,
        shape: Callable[[duckdb.DuckDBPyConnection, int, int], pa.Table],
        count: int,
    ) -> pa.Table:
        """The rows of `shape`; those that break it cost only themselves, whatever it is that they break."""
        try:
            with another(connection) as cursor:
                return shape(cursor, 0, count)
        except Exception as error:  # noqa: BLE001 - parsers raise whatever the bytes lead them to
            _reraise_outage(error)
            return pa.concat_tables(self._halved(shape, 0, count), promote_options="permissive")

    def _halved(
        self, shape: Callable[[duckdb.DuckDBPyConnection, int, int], pa.Table], start: int, end: int
    ) -> Sequence[pa.Table]:
        try:
            with database(self.work) as fresh:
                return [shape(fresh, start, end)]
        except Exception as error:  # noqa: BLE001 - as above
            _reraise_outage(error)
        if end - start == 1:
            return [_unreadable()]
        middle = (start + end) // 2
        return [*self._halved(shape, start, middle), *self._halved(shape, middle, end)]


def _reraise_outage(error: Exception) -> None:
    if isinstance(error, OUTAGES):
        raise error


def _unreadable() -> pa.Table:
    row = dict.fromkeys(NONE.column_names) | {
        "market": "", "language": "", "digest": "", "views": 0, "hash": 0,
        "reason": "unreadable_row|no parser takes it; look for very long or deep values",
    }  # fmt: skip
    return pa.Table.from_pylist([row], schema=NONE.schema)


def _with_faults(table: pa.Table, found: Columns) -> pa.Table:
    if not found.faults:
        return table
    reasons = table["reason"].to_pylist()
    for place, (reason, detail) in found.faults.items():
        reasons[place] = f"{reason}|{detail}"
    return table.set_column(table.schema.get_field_index("reason"), "reason", pa.array(reasons, pa.string()))


def _reasons(table: pa.Table) -> Faults:
    """Why rows are refused, by their place in the table."""
    given = table["reason"]
    if given.null_count == len(given):
        return {}
    places = np.flatnonzero(given.is_valid().to_numpy())
    parted = (text.partition("|") for text in given.drop_null().to_pylist())
    return {
        place: (reason, detail) for place, (reason, _, detail) in zip(places.tolist(), parted, strict=True)
    }
