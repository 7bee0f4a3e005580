"""A table's rows as ingest's raw rows: in pieces, columns found by their names, values meant as a map says."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.ingest.chunks import Unit
from infra.ingest.columns import plain, read_columns
from infra.ingest.lines import spelled
from infra.ingest.locations import Found
from infra.ingest.notes import Notes
from infra.ingest.opening import PARQUET, regular
from infra.ingest.parquet import chunks
from infra.ingest.records import Record, records
from infra.ingest.reject import BadLineError, Reject, shorten
from infra.ingest.source import Json, Source, Tabular
from infra.ingest.tables import documents, excel, sniffing
from infra.ingest.tables.mapping import CONTENT, FIELDS, Map, MappingError, checked, load
from infra.ingest.tables.verdicts import labels_of, simple
from models.domain.policy import PolicySet

BATCH_ROWS = 20_000  # a piece
PARSED = (".json", ".json.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
SAVED = ".toml"  # of a map that is given as a source
MADE_IDS = "id_from_content"


class Piece(NamedTuple):
    """Rows whose columns are texts, by the names that the file has for them; or, of Parquet, of its own types."""

    table: pa.Table | pa.RecordBatch
    rows: np.ndarray  # their numbers in the file
    bad: list[Reject]
    size: int  # bytes


def source_called(name: str) -> Source:
    """A source of the catalogue, or a table by the map of a TOML file. Raises UnknownEntryError, MappingError."""
    from infra.ingest.sources import SOURCES

    if not name.lower().endswith(SAVED):
        return SOURCES[name]
    table = SOURCES["table"]
    return replace(table, reads=Tabular(map=load(Path(name))))


def mapped(source: Source, columns: Map | None, policy_set: PolicySet) -> Source:
    """The source with what `columns` says over its own map; raises MappingError."""
    if not isinstance(source.reads, Tabular):
        if columns is not None:
            raise MappingError(
                f"{source.name} reads columns of its own; a map is for: moderato ingest table PATH --map"
            )
        return source
    given = checked((columns or Map()).over(source.reads.map), policy_set.keys)
    return replace(source, reads=replace(source.reads, map=given))


def read_table(file: Found, path: Path, given: Map, policy_set: PolicySet, notes: Notes) -> Iterator[Unit]:
    """The file's rows as fields of posts, labels and problems; raises BadLineError where columns are missing."""
    fitted: Map | None = None
    for piece in pieces(file, path, given, notes):
        if fitted is None and piece.table.num_columns:
            fitted = fit(given, piece.table.schema.names, lenient=_is_json(path))
        if fitted is None:
            yield Unit(_nothing(), piece.rows, piece.bad, piece.size)
            continue
        yield Unit(shaped(piece, fitted, policy_set, notes), piece.rows, piece.bad, piece.size)


def pieces(file: Found, path: Path, given: Map, notes: Notes) -> Iterator[Piece]:
    """The file's rows by its own columns, told by its bytes and then by its name; raises BadLineError."""
    with regular(path) as stream:
        magic = stream.read(len(PARQUET))
    if magic == PARQUET:
        fields = given.wanted()
        meant = {simple(column) for column in fields}
        for unit in chunks(file, path, lambda names: _chosen(names, meant), lambda _: None, fields):
            assert isinstance(unit.raw, pa.RecordBatch)
            yield Piece(unit.raw, unit.rows, unit.bad, unit.size)
    elif magic in excel.MAGIC:
        yield from _sheet(file, path, given, notes)
    elif _is_json(path):
        yield from _documents(file, path, given, notes)
    else:
        yield from _delimited(file, path, given, notes)


def _chosen(names: Sequence[str], meant: set[str]) -> list[str]:
    """The columns that a map may mean, all of them where none is meant yet; two of one name are none."""
    return [name for name in names if (not meant or simple(name) in meant) and names.count(name) == 1]


def _is_json(path: Path) -> bool:
    return path.name.lower().endswith(PARSED)


def _delimited(file: Found, path: Path, given: Map, notes: Notes) -> Iterator[Piece]:
    with sniffing.opened(path, given.reading) as (dialect, stream):
        notes.add("sniffed", f"{path.name}: {dialect.told}")
        found = (
            record for record in records(stream, dialect.form, dialect.width) if record.row >= dialect.first
        )
        header = next(found, None)
        if header is None:
            return
        if isinstance(header.fields, BadLineError):
            raise header.fields
        names, done = _names(header.fields), 0
        while piece := list(islice(found, BATCH_ROWS)):
            done, before = stream.tell(), done
            yield _records(file, piece, names, done - before, notes)


def _records(file: Found, piece: Sequence[Record], names: Sequence[str], size: int, notes: Notes) -> Piece:
    good = [
        record for record in piece if isinstance(record.fields, list) and any(map(str.strip, record.fields))
    ]
    bad = [Reject(file.name, record.row, *record.fields.args) for record in piece
           if isinstance(record.fields, BadLineError)]  # fmt: skip
    if blank := len(piece) - len(good) - len(bad):
        notes.add("blank_row", f"{file.key}: rows of empty cells are passed over", blank)
    return Piece(_texts([record.fields for record in good], names), _numbers(good), bad, size)


def _numbers(rows: Sequence[Any]) -> np.ndarray:
    return np.array([row.row for row in rows], np.int64)


def _texts(rows: Sequence[Any], names: Sequence[str]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return pa.table([pa.array(column, pa.string()) for column in columns], names=list(names))


def _names(header: Sequence[str | None]) -> list[str]:
    """The columns' names, each once: those without one, and the second of a name, by their place."""
    found: list[str] = []
    for place, given in enumerate(header, 1):
        name = (given or "").removeprefix("\ufeff").strip()
        found.append(name if name and name not in found else f"{name or 'column'} ({place})")
    return found


def _sheet(file: Found, path: Path, given: Map, notes: Notes) -> Iterator[Piece]:
    rows = excel.sheet(path, given.reading.sheet, notes)
    _, header = next(rows, (1, []))
    names, blank = _names(header), 0
    step = file.size // 10
    while piece := list(islice(rows, BATCH_ROWS)):
        good = [(number, row) for number, row in piece if any(cell is not None for cell in row)]
        blank += len(piece) - len(good)
        numbers = np.array([number for number, _ in good], np.int64)
        yield Piece(_texts([row for _, row in good], names), numbers, [], step)
    if blank:
        notes.add("blank_row", f"{file.key}: rows of empty cells are passed over", blank)


def _documents(file: Found, path: Path, given: Map, notes: Notes) -> Iterator[Piece]:
    for found in documents.documents(path, given.wanted(), notes):
        good, bad = [], []
        for document in found.rows:
            try:
                if isinstance(document.values, BadLineError):
                    raise document.values
                spelled(document.values)
                good.append(document)
            except BadLineError as error:
                bad.append(Reject(file.name, document.row, *error.args))
        names = documents.columns(good)
        rows = [[document.values.get(name) for name in names] for document in good]  # type: ignore[union-attr]
        yield Piece(_texts(rows, names), _numbers(good), bad, found.size)


def fit(given: Map, names: Sequence[str], *, lenient: bool = False) -> Map:
    """The map with the columns as the file spells them; raises BadLineError for those that it lacks.

    Where `lenient`, later rows of the file may have what these lack, but for the content.
    """
    spelling, missing, absent = {}, [], set()
    wanted = given.wanted()
    for column, field in wanted.items():
        found = column if column in names else _alike(column, names)
        if found is not None:
            spelling[column] = found
        elif field in given.optional:
            absent.add(field)
        elif not lenient or field in CONTENT:
            missing.append(column)
    if missing:
        raise BadLineError("missing_column", shorten(_lacking(missing, names)))
    kept = given.model_copy(
        update={
            "columns": {name: column for name, column in given.columns.items() if name not in absent},
            "labels": {policy: label for policy, label in given.labels.items() if policy not in absent},
            "categories": None if "categories" in absent else given.categories,
            "judges": None if "judgements" in absent else given.judges,
        }
    )
    if not kept.of_posts and not kept.judges_anything:
        raise BadLineError("missing_column", shorten(_lacking(["violates"], names)))
    return kept.renamed(spelling)


def _alike(column: str, names: Sequence[str]) -> str | None:
    found = [name for name in names if simple(name) == simple(column)]
    return found[0] if len(found) == 1 else None


def _lacking(missing: Sequence[str], names: Sequence[str]) -> str:
    near = [near for name in missing for near in difflib.get_close_matches(name, names, 1)]
    hint = f"did you mean {', '.join(map(repr, near))}? " if near else ""
    return f"no column {', '.join(map(repr, missing))}; {hint}It has {', '.join(map(repr, names))}"


def shaped(piece: Piece, given: Map, policy_set: PolicySet, notes: Notes) -> pa.Table:
    """The piece as fields of posts, `labels` and `problem`."""
    table, count = piece.table, piece.table.num_rows
    columns, problems = _fields(table, given)
    for name, value in given.constants.items():
        if name in FIELDS and name not in columns:
            columns[name] = pa.repeat(value, count)

    def column(name: str) -> pa.Array:
        return text_of(table.column(name)) if name in table.schema.names else pa.nulls(count, pa.string())

    labels, unclear = labels_of(given, column, count, policy_set)
    if given.reading.dates and "created_at" in columns:
        columns["created_at"], undated = _dated(columns["created_at"], given.reading.dates)
        problems = pc.coalesce(problems, undated)
    if given.of_posts and (made := count - _given(columns.get("post_id"), count)):
        notes.add(
            MADE_IDS, "rows without an id have one that is made of their content, the same each time", made
        )
    return pa.table({**columns, "labels": labels, "problem": pc.coalesce(problems, unclear)})


def _given(ids: pa.Array | None, count: int) -> int:
    return 0 if ids is None else count - int(pc.sum(pc.equal(pc.coalesce(ids, ""), "")).as_py() or 0)


def _fields(table: pa.Table | pa.RecordBatch, given: Map) -> tuple[dict[str, pa.Array], pa.Array]:
    """The columns of posts' fields by those names, as texts and bytes, and what is wrong with which row."""
    names = {name: column for name, column in given.columns.items() if name in FIELDS}
    count = table.num_rows
    if isinstance(table, pa.Table):
        none = pa.nulls(count, pa.string())
        held = {
            name: table.column(column).combine_chunks() if column in table.column_names else none
            for name, column in names.items()
        }
        return held, none
    batch = pa.RecordBatch.from_arrays([table.column(column) for column in names.values()], names=list(names))
    form = Json(columns=dict.fromkeys(names, "VARCHAR"))
    found = read_columns(batch, form)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("piece", found.table())
        read = connection.sql(found.select(form)).to_arrow_table()
    problems = ["|".join(found.faults[place]) if place in found.faults else None for place in range(count)]
    kept = [name for name in read.column_names if name != "none"]
    return {name: read.column(name).combine_chunks() for name in kept}, pa.array(problems, pa.string())


def text_of(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column of whatever type as texts."""
    whole = plain(column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column)
    kind = whole.type
    if pa.types.is_string(kind):
        return whole
    if pa.types.is_nested(kind):
        return pa.array([documents.text_of(value) for value in whole.to_pylist()], pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.array(
            [None if value is None else value.decode(errors="replace") for value in whole.to_pylist()]
        )
    return whole.cast(pa.string())


def _dated(texts: pa.Array, form: str) -> tuple[pa.Array, pa.Array]:
    """Times written in a form of people's own, as ISO 8601, and problems for those that are not."""
    coded = texts.dictionary_encode()
    read: list[str | None] = []
    problems: list[str | None] = []
    for text in coded.dictionary.to_pylist():
        try:
            read.append(datetime.strptime(text.strip(), form).isoformat() if text.strip() else None)  # noqa: DTZ007
            problems.append(None)
        except ValueError:
            read.append(None)
            problems.append(f"invalid_time|{shorten(text)[:40]!r} is not of the form {form}")
    return pa.array(read, pa.string()).take(coded.indices), pa.array(problems, pa.string()).take(
        coded.indices
    )


def _nothing() -> pa.Table:
    return pa.table({})
