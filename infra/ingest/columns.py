"""Columns of a table, of whatever Arrow type, as the few kinds that a source reads: text, bytes, JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.ingest.lines import not_utf8
from infra.ingest.reject import BadLineError
from infra.ingest.source import Json
from models.domain.schemas import TIME

MEDIA = ("image", "video")
WHEN = "created_at"
LAST_DAY = 2_932_896  # 9999-12-31, counted from 1970
MAX_EPOCH_SECONDS = LAST_DAY * 86_400
A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass
class Columns:
    """A table's columns by name, and what is wrong with which row: reason and detail by place."""

    found: dict[str, pa.Array] = field(default_factory=dict)
    faults: dict[int, tuple[str, str]] = field(default_factory=dict)

    def select(self, form: Json) -> str:
        """The SELECT that gives the columns of the source."""
        columns = []
        for name, kind in form.columns.items():
            there = self.found.get(name)
            if there is None:
                columns.append(f'NULL::{kind} AS "{name}"')
            elif kind == "JSON" and pa.types.is_nested(there.type):
                columns.append(f'to_json("{name}") AS "{name}"')
            else:
                columns.append(f'"{name}"::VARCHAR AS "{name}"')
        columns += [f'"{name}"' for name in self.found if name not in form.columns]
        return f"SELECT {', '.join(columns)} FROM piece"  # noqa: S608 - names are the source's

    def table(self) -> pa.Table:
        return pa.table(self.found)


def read_columns(batch: pa.RecordBatch, form: Json) -> Columns:
    """Raises BadLineError for a column that cannot be what its name says, with the type that it has."""
    made = Columns()
    for name, kind in form.columns.items():
        if name not in batch.schema.names:
            continue
        column = plain(batch.column(name))
        if pa.types.is_null(column.type):
            continue
        for part in _parts(name, column) if name in MEDIA else [(name, column)]:
            made.found[part[0]] = _read(part[0], part[1], kind, made.faults)
    if not made.found:
        made.found["none"] = pa.nulls(len(batch))
    return made


def plain(column: pa.Array) -> pa.Array:
    """Without the ways in which Arrow and Parquet save space."""
    while (inner := _unwrapped(column)) is not column:
        column = inner
    kind = column.type
    if pa.types.is_struct(kind) and kind.num_fields:
        fields = [plain(column.field(place)) for place in range(kind.num_fields)]
        return pa.StructArray.from_arrays(fields, [item.name for item in kind], mask=column.is_null())
    if _is_list(kind):
        return pa.LargeListArray.from_arrays(_offsets(column), plain(column.flatten()), mask=column.is_null())
    return column


def _unwrapped(column: pa.Array) -> pa.Array:
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        column = column.storage
    elif pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
    elif pa.types.is_run_end_encoded(kind):
        column = pc.run_end_decode(column)
    elif pa.types.is_string_view(kind):
        column = _text_of(column.cast(pa.binary_view()).cast(pa.binary()))
    elif pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind):
        column = column.cast(pa.binary())
    return column


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _offsets(column: pa.Array) -> pa.Array:
    """Where each row's values begin in the flattened list."""
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int64())


def _text_of(data: pa.Array) -> pa.Array:
    """The same bytes called text, right or wrong."""
    wide = pa.types.is_large_binary(data.type)
    kind = pa.large_string() if wide else pa.string()
    return pa.Array.from_buffers(kind, len(data), data.buffers(), data.null_count, data.offset)


def _parts(name: str, column: pa.Array) -> list[tuple[str, pa.Array]]:
    """A picture's or video's column as `name`, a path or base64, and `name`_bytes; the bytes go first."""
    kind = column.type
    if pa.types.is_struct(kind):
        given = {item.name: column.field(place) for place, item in enumerate(kind)}
        absent = column.is_null()
        parts = {key: _without(given[key], absent) for key in ("bytes", "path") if key in given}
        if not parts:
            raise _wrong(name, kind, "a struct of bytes and path")
        found = (
            [part for key, part in parts.items() for part in _parts(name, part)] if len(parts) == 1 else []
        )
        if not found:
            found = [
                *_parts(name, parts["bytes"]),
                (name, _without(parts["path"], parts["bytes"].is_valid())),
            ]
        return [part for part in found if not pa.types.is_null(part[1].type)]
    if _is_list(kind) and pa.types.is_integer(kind.value_type):
        return [(f"{name}_bytes", pa.array([_bytes(item) for item in column], pa.large_binary()))]
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return [(f"{name}_bytes", column)]
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return [(name, column)]
    raise _wrong(name, kind, "bytes, a path beside the file, or base64")


def _bytes(numbers: pa.ListScalar) -> bytes | None:
    """The bytes that a list of numbers spells; none that lead to no picture."""
    if not numbers.is_valid:
        return None
    values = numbers.values.fill_null(0).to_numpy(zero_copy_only=False)
    return bytes(values.astype(np.uint8))


def _without(column: pa.Array, mask: pa.Array) -> pa.Array:
    return pc.if_else(mask, pa.scalar(None, column.type), column)


def _wrong(name: str, kind: pa.DataType, wanted: str) -> BadLineError:
    return BadLineError("wrong_type", f"column {name} holds {str(kind)[:40]}; give {wanted}")


def _read(name: str, column: pa.Array, kind: str, faults: dict[int, tuple[str, str]]) -> pa.Array:
    if name.endswith("_bytes"):
        return column
    if name == WHEN:
        column = _moments(column, faults)
    elif kind == "JSON":
        column = _labels(name, column)
    elif pa.types.is_nested(column.type) and not name.endswith("_id"):
        raise _wrong(name, column.type, "text")
    return _checked(_readable(column), faults)


def _readable(column: pa.Array) -> pa.Array:
    """As DuckDB can take it, with what is no number left out."""
    kind = column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _text_of(column)
    if pa.types.is_floating(kind):
        wide = column.cast(pa.float64())
        return _without(wide, pc.is_nan(wide).fill_null(False))
    if pa.types.is_decimal256(kind) or (pa.types.is_temporal(kind) and not pa.types.is_timestamp(kind)):
        return column.cast(pa.string())
    return column


def _moments(column: pa.Array, faults: dict[int, tuple[str, str]]) -> pa.Array:
    """Timestamps and dates in microseconds of UTC; those that no calendar shows are faults."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        counted, unit = column.view(pa.int64()), A_SECOND[kind.unit]
    elif pa.types.is_date32(kind):
        counted, unit = pc.multiply(column.view(pa.int32()).cast(pa.int64()), 86_400), 1
    elif pa.types.is_date64(kind):
        counted, unit = column.view(pa.int64()), A_SECOND["ms"]
    elif pa.types.is_floating(kind):
        numbers = _readable(column).to_pylist()
        return pa.array([None if number is None else f"{number:.6f}" for number in numbers], pa.string())
    elif pa.types.is_nested(kind) or pa.types.is_temporal(kind) or pa.types.is_boolean(kind):
        raise _wrong(WHEN, kind, "a timestamp, a date, a number or text")
    else:
        return column
    odd = pc.or_(
        pc.less(counted, 0), pc.greater(counted, min(MAX_EPOCH_SECONDS * unit, 2**63 - 1))
    ).fill_null(False)
    for row in map(int, np.flatnonzero(odd.to_numpy(zero_copy_only=False))):
        faults[row] = ("invalid_time", f"{counted[row].as_py()} {kind} is not between 1970 and 9999")
    counted = _without(counted, odd)
    micro = A_SECOND["us"]
    scaled = pc.multiply(counted, micro // unit) if unit <= micro else pc.divide(counted, unit // micro)
    return scaled.view(TIME)


def _labels(name: str, column: pa.Array) -> pa.Array:
    """Noughts and ones of a table are how booleans with gaps are kept there."""
    kind = column.type
    if pa.types.is_struct(kind):
        fields = [_flags(column.field(place)) for place in range(kind.num_fields)]
        names = [item.name for item in kind]
        return (
            pa.StructArray.from_arrays(fields, names, mask=column.is_null())
            if names
            else pa.nulls(len(column))
        )
    if pa.types.is_map(kind):
        pieces = pa.MapArray.from_arrays(_offsets_of(column), column.keys, _flags(column.items))
        return (
            pc.if_else(column.is_valid(), pieces, pa.scalar(None, pieces.type))
            if column.null_count
            else pieces
        )
    texts = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind)
    if texts or pa.types.is_large_binary(kind) or _is_list(kind):
        return column
    raise _wrong(name, kind, "{policy: bool} as a struct, a map or JSON text")


def _offsets_of(column: pa.MapArray) -> pa.Array:
    return column.offsets


def _flags(values: pa.Array) -> pa.Array:
    kind = values.type
    if pa.types.is_floating(kind):
        values = _readable(values)
    if (pa.types.is_integer(kind) or pa.types.is_floating(kind)) and {*pc.unique(values).to_pylist()} <= {
        0,
        1,
        None,
    }:
        return values.cast(pa.bool_())
    return values


def _checked(column: pa.Array, faults: dict[int, tuple[str, str]]) -> pa.Array:
    """The column without text that is not UTF-8 or holds NUL, which writers need not check; those rows are faults."""
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if not text and not pa.types.is_nested(column.type):
        return column
    spoilt = _spoilt(column)
    if text:
        data = column.cast(pa.binary() if pa.types.is_string(column.type) else pa.large_binary())
        there = pc.match_substring(data, "\0").fill_null(False).to_numpy(zero_copy_only=False)
        for row in map(int, np.flatnonzero(there)):
            faults[row] = ("nul_bytes", f"at byte {data[row].as_py().index(0) + 1}")
        for row in spoilt:
            faults[row] = ("invalid_utf8", _told(data[row].as_py()))
    faults |= {row: ("invalid_utf8", "text within it is not UTF-8") for row in spoilt if not text}
    if not spoilt:
        return column
    keep = np.ones(len(column), bool)
    keep[spoilt] = False
    return column.take(pa.array(np.where(keep, np.arange(len(column)), -1), mask=~keep))


def _told(data: bytes) -> str:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return not_utf8(data, error.start)
    return ""


def _spoilt(column: pa.Array) -> list[int]:
    """The rows that are not whole; a row taken by itself holds nothing of another."""
    if _valid(column):
        return []
    take: Callable[[int], pa.Array] = lambda row: column.take(pa.array([row]))  # noqa: E731
    return [row for row in range(len(column)) if not _valid(take(row))]


def _valid(column: pa.Array) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True
