"""Files in pieces of bounded size, each readable by DuckDB on its own."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from infra.ingest.lines import BadLineError, Block, blocks
from infra.ingest.places import Found
from infra.ingest.records import Record, records
from infra.ingest.reject import Reject, shorten
from infra.ingest.source import Delimited

RECORDS = 20_000  # CSV records a piece
PARQUET_BYTES = 32 << 20  # decoded bytes a piece
NOTHING = pa.table({})
GZIP = b"\x1f\x8b"


class Unit(NamedTuple):
    """Raw rows: lines that are not yet read, or a table; `rows` are their numbers in the file."""

    raw: Block | pa.Table
    rows: np.ndarray
    bad: list[Reject]
    size: int  # bytes
    files: Sequence[str] = ()  # of each row, where a row is a file


@contextmanager
def unpacked(path: Path) -> Iterator[BinaryIO]:
    """The file's bytes; gzip is told by its first bytes, not by its name."""
    with path.open("rb") as plain:
        packed = plain.read(len(GZIP)) == GZIP
        plain.seek(0)
        yield cast("BinaryIO", gzip.GzipFile(fileobj=plain)) if packed else plain


def read_json(file: Found, path: Path) -> Iterator[Unit]:
    if path.suffix == ".parquet":
        yield from _parquet(file, path)
        return
    with unpacked(path) as stream:
        for block in blocks(stream):
            data = block.data.removeprefix(b"\xef\xbb\xbf") if block.first == 1 else block.data
            yield Unit(Block(block.first, data), np.empty(0, np.int64), [], len(block.data))


def _parquet(file: Found, path: Path) -> Iterator[Unit]:
    with pq.ParquetFile(path) as parquet:
        rows = max(1, parquet.metadata.num_rows)
        size = sum(parquet.metadata.row_group(n).total_byte_size for n in range(parquet.num_row_groups))
        step = int(min(RECORDS, max(1, PARQUET_BYTES * rows // max(1, size))))
        first = 1
        for batch in parquet.iter_batches(batch_size=step):
            numbers = np.arange(first, first + len(batch))
            first += len(batch)
            table = pa.Table.from_batches([batch])
            bad = _undecodable(table, file, numbers)
            keep = ~np.isin(numbers, [reject.row for reject in bad])
            yield Unit(table.filter(pa.array(keep)), numbers[keep], bad, file.size * len(batch) // rows)


def _undecodable(table: pa.Table, file: Found, numbers: np.ndarray) -> list[Reject]:
    """Rows with bytes that are not what the column says, which Parquet writers need not check, or with NUL."""
    found: dict[int, str] = {}
    for column in table.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            data = column.cast(pa.binary())
            for row in np.flatnonzero(pc.match_substring(data, "\0").fill_null(False).to_numpy()):
                found[int(row)] = "nul_bytes"
            found |= dict.fromkeys(_not_utf8(column, data), "invalid_utf8")
    return [Reject(file.name, int(numbers[row]), reason, "") for row, reason in sorted(found.items())]


def _not_utf8(column: pa.ChunkedArray, data: pa.ChunkedArray) -> list[int]:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return [row for row, value in enumerate(data.to_pylist()) if not _decodes(value)]
    return []


def _decodes(value: bytes | None) -> bool:
    try:
        (value or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def read_delimited(file: Found, path: Path, form: Delimited) -> Iterator[Unit]:
    with unpacked(path) as stream:
        found = records(stream, form, 0 if form.header else len(form.columns))
        header = list(form.columns)
        if form.header:
            first = next(found, None)
            if first is None:
                return
            header = _header(first)
            if missing := [name for name in form.columns if name not in header]:
                detail = shorten(f"needs {', '.join(map(repr, missing))}; has {', '.join(map(repr, header))}")
                yield Unit(
                    NOTHING,
                    np.empty(0, np.int64),
                    [Reject(file.name, first.row, "missing_column", detail)],
                    0,
                )
                return
        done = 0
        while piece := list(itertools.islice(found, RECORDS)):
            done, before = stream.tell(), done
            yield _tabled(file, piece, header, done - before)


def _header(record: Record) -> list[str]:
    if isinstance(record.fields, BadLineError):
        return []
    return [name.removeprefix("\ufeff").strip() for name in record.fields]


def _tabled(file: Found, piece: Sequence[Record], header: list[str], size: int) -> Unit:
    good = [record for record in piece if isinstance(record.fields, list)]
    bad = [Reject(file.name, record.row, *record.fields.args) for record in piece
           if isinstance(record.fields, BadLineError)]  # fmt: skip
    columns = list(zip(*(record.fields for record in good), strict=True)) or [()] * len(header)
    names = [name or "#" for name in header]
    raw = pa.table([pa.array(column, pa.string()) for column in columns], names=names)
    return Unit(raw, np.array([record.row for record in good], np.int64), bad, size)
