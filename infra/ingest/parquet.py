"""Parquet in pieces whose size is known before they are decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from infra.ingest.chunks import Unit
from infra.ingest.columns import MEDIA, read_columns
from infra.ingest.locations import Found
from infra.ingest.notes import Notes
from infra.ingest.opening import PARQUET, SPARE, SWELLING, regular
from infra.ingest.reject import BadLineError, Reject, shorten
from infra.ingest.source import Json
from models.data.media_limits import MAX_BYTES
from models.domain.content import MAX_TEXT

RECORDS = 20_000  # rows a piece
PIECE = 32 << 20  # decoded bytes a piece
CHUNK_BYTES = 1 << 20  # packed bytes read at once
MAX_VALUE_BYTES = 1 << 20  # bytes of a value that is no content: an id, a code, labels
LIMITS = {  # reason and bytes, before anything is decoded
    "text": ("text_too_long", 4 * MAX_TEXT),  # of UTF-8, whose signs have four bytes at most
    **{name: (f"huge_{name}", MAX_BYTES[name] * 3 // 2) for name in MEDIA},  # as base64, too
}
FIXED = 8  # bytes of a number
TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
MAP = ".key_value."  # within the path of a map's leaf; a map of dictionaries is read as something else


def read_parquet(file: Found, path: Path, form: Json, notes: Notes) -> Iterator[Unit]:
    """Raises BadLineError for a file none of whose columns can be told."""
    yield from chunks(
        file,
        path,
        lambda names: _wanted(names, form, notes),
        lambda empty: read_columns(empty, form),  # types that cannot be read are told once
        {name: name for name in form.columns},
    )


def chunks(
    file: Found,
    path: Path,
    choose: Callable[[Sequence[str]], list[str]],
    look: Callable[[pa.RecordBatch], object],
    fields: Mapping[str, str],
) -> Iterator[Unit]:
    """Batches of the columns that `choose` takes of a file's, once `look` has seen one without rows.

    `fields` says what columns are, where their values may be longer than others'. Raises BadLineError.
    """
    with regular(path) as stream:
        if stream.read(len(PARQUET)) != PARQUET:
            raise BadLineError("unreadable_file", "its name says Parquet, and its bytes say otherwise")
    with pq.ParquetFile(path) as parquet:
        wanted = choose(parquet.schema_arrow.names)
        _refuse_bombs(parquet, wanted)
        coded = [path for path in _texts(parquet) if path.partition(".")[0] in wanted and MAP not in path]
        rows = max(1, parquet.metadata.num_rows)
    # As dictionaries, values that repeat lie in memory once, and how long each row will be is known.
    with pq.ParquetFile(path, read_dictionary=coded, buffer_size=CHUNK_BYTES) as parquet:
        look(_empty(parquet.schema_arrow, wanted))
        first = 1
        for batch in parquet.iter_batches(batch_size=_step(parquet, wanted), columns=wanted):
            yield from _units(batch, first, file, file.size / rows, fields)
            first += len(batch)


def _wanted(names: Sequence[str], form: Json, notes: Notes) -> list[str]:
    notes.columns(names, form.columns)
    for name in form.columns:
        if names.count(name) > 1:
            raise BadLineError(
                "ambiguous_column",
                f"{names.count(name)} columns are called {name}; rename or drop all but one",
            )
    wanted = [name for name in form.columns if name in names]
    if not wanted:
        told = notes.similar() or f"it has {', '.join(names)}"
        raise BadLineError("missing_column", shorten(f"none of the columns that are read: {told}"))
    return wanted


def _empty(schema: pa.Schema, wanted: Sequence[str]) -> pa.RecordBatch:
    columns = [schema.field(name) for name in wanted]
    return pa.RecordBatch.from_arrays(
        [pa.array([], column.type) for column in columns], schema=pa.schema(columns)
    )


def _texts(parquet: pq.ParquetFile) -> list[str]:
    leaves = [parquet.schema.column(place) for place in range(len(parquet.schema))]
    return [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]


def _chunks(parquet: pq.ParquetFile, wanted: Sequence[str]) -> Iterator[pq.ColumnChunkMetaData]:
    for group in range(parquet.num_row_groups):
        held = parquet.metadata.row_group(group)
        for place in range(held.num_columns):
            chunk = held.column(place)
            if chunk.path_in_schema.partition(".")[0] in wanted:
                yield chunk


def _refuse_bombs(parquet: pq.ParquetFile, wanted: Sequence[str]) -> None:
    for chunk in _chunks(parquet, wanted):
        if chunk.total_uncompressed_size > SWELLING * chunk.total_compressed_size + SPARE:
            raise BadLineError(
                "unreadable_file", f"column {chunk.path_in_schema} unpacks to over {SWELLING} times its size"
            )


def _step(parquet: pq.ParquetFile, wanted: Sequence[str]) -> int:
    rows = max(1, parquet.metadata.num_rows)
    size = sum(chunk.total_uncompressed_size for chunk in _chunks(parquet, wanted))
    return int(min(RECORDS, max(1, PIECE * rows // max(1, size))))


def _units(
    batch: pa.RecordBatch, first: int, file: Found, row_size: float, fields: Mapping[str, str]
) -> Iterator[Unit]:
    """The batch in pieces of at most PIECE decoded bytes, or of one row; a row of more than its limit is a reject."""
    numbers = np.arange(first, first + len(batch))
    whole = np.zeros(len(batch), np.int64)
    bad: list[Reject] = []
    keep = np.ones(len(batch), bool)
    for name in batch.schema.names:
        sizes = decoded_sizes(batch.column(name))
        reason, limit = LIMITS.get(fields.get(name, name), ("value_too_long", MAX_VALUE_BYTES))
        whole += sizes
        for row in np.flatnonzero((sizes > limit) & keep):
            keep[row] = False
            detail = f"{sizes[row]:,} bytes in column {name}, at most {limit:,}"
            bad.append(Reject(file.name, int(numbers[row]), reason, detail))
    if bad:
        batch, numbers, whole = batch.filter(pa.array(keep)), numbers[keep], whole[keep]
    for start, end in _spans(whole):
        size = int(row_size * (end - start))
        yield Unit(batch.slice(start, end - start), numbers[start:end], bad if start == 0 else [], size)
    if bad and not len(whole):
        yield Unit(batch, numbers, bad, 0)


def _spans(sizes: np.ndarray) -> Iterator[tuple[int, int]]:
    start, held = 0, 0
    for place, size in enumerate(sizes.tolist()):
        if place > start and held + size > PIECE:
            yield start, place
            start, held = place, 0
        held += size
    if start < len(sizes):
        yield start, len(sizes)


def decoded_sizes(column: pa.Array) -> np.ndarray:
    """How many bytes each row's value takes once it is plain, about."""
    kind = column.type
    sizes = np.zeros(len(column), np.int64)
    if pa.types.is_dictionary(kind):
        held = np.append(decoded_sizes(column.dictionary), 0)
        sizes = held[column.indices.fill_null(len(column.dictionary)).to_numpy(zero_copy_only=False)]
    elif pa.types.is_struct(kind):
        for place in range(kind.num_fields):
            sizes = sizes + decoded_sizes(column.field(place))
    elif pa.types.is_map(kind):
        lengths = pc.subtract(column.offsets[1:], column.offsets[:-1])
        sizes = _summed(decoded_sizes(column.keys) + decoded_sizes(column.items), lengths)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        sizes = _summed(decoded_sizes(column.flatten()), pc.list_value_length(column))
    elif any(told(kind) for told in TEXTS):
        sizes = pc.binary_length(column).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    else:
        sizes = sizes + FIXED
    return sizes


def _summed(inner: np.ndarray, lengths: pa.Array) -> np.ndarray:
    """The sizes of what each row's list holds."""
    counts = lengths.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    ends = np.cumsum(counts)
    before = np.concatenate([[0], np.cumsum(inner)])
    sums: np.ndarray = before[ends] - before[ends - counts]
    return sums
