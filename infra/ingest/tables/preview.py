"""A look at a table before anything is stored: its columns, what they may mean, and its first rows as posts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from infra.ingest.locations import Found, place_of
from infra.ingest.notes import Notes
from infra.ingest.reject import BadLineError, shorten
from infra.ingest.source import Tabular
from infra.ingest.tables.guessing import guessed, spoken_of, unmapped
from infra.ingest.tables.mapping import Map, MappingError
from infra.ingest.tables.reading import PARSED, Piece, fit, pieces, shaped, text_of
from infra.settings import Settings
from models.domain.policy import PolicySet
from models.policies import POLICY_SETS

SAMPLE = 1000  # rows looked at
PREVIEW_ROWS = 5


@dataclass(frozen=True)
class Sample:
    """The first rows of a table: values that are there by column, and how many rows have one."""

    file: str
    piece: Piece
    columns: dict[str, list[str]]
    told: list[str]  # what was sniffed

    @property
    def is_json(self) -> bool:
        """Whether later rows may have columns that these lack."""
        return self.file.lower().endswith(PARSED)

    @property
    def rows(self) -> int:
        return int(self.piece.table.num_rows)


def sample(settings: Settings, source: str, path: str, given: Map) -> Sample:
    """Of the first file at the path that a table can be; raises MappingError where there is none."""
    place, notes = place_of(settings, source, path), Notes()
    files = [file for file in place.files(notes) if file.key.lower().endswith(Tabular().suffixes)]
    files = files or (place.files(notes) if Path(path).is_file() else [])
    if not files:
        raise MappingError(f"{path} holds no file that a table is read from: {', '.join(Tabular().suffixes)}")
    try:
        with place.local(files[0]) as local:
            piece = _first(files[0], local, given, notes)
    except BadLineError as error:
        raise MappingError(f"{files[0].name}: {error.args[1]}") from None
    columns = {name: _values(piece.table.column(name)) for name in piece.table.schema.names}
    return Sample(files[0].key, piece, columns, notes.noticed().examples.get("sniffed", []))


def _first(file: Found, path: Path, given: Map, notes: Notes) -> Piece:
    piece = next(
        (piece for piece in islice(pieces(file, path, given, notes), PREVIEW_ROWS) if piece.table.num_rows),
        None,
    )
    if piece is None:
        raise BadLineError("empty_file", "it holds no rows")
    return piece._replace(table=piece.table.slice(0, SAMPLE), rows=piece.rows[:SAMPLE])


def _values(column: pa.Array | pa.ChunkedArray) -> list[str]:
    return [text for text in text_of(column).to_pylist() if text is not None and text.strip()]


def resolved(given: Map, seen: Sample, policy_set: PolicySet) -> Map:
    """The map with what only the file can tell: which policies a column of categories speaks of."""
    part = given.categories
    if part is None or part.policies or part.column not in seen.columns:
        return given
    found = spoken_of(seen.columns[part.column], policy_set, given.words)
    return given.model_copy(update={"categories": part.model_copy(update={"policies": found})})


def guess(settings: Settings, seen: Sample, said: Map | None = None) -> Map:
    """A map of the sample's columns."""
    policy_set = POLICY_SETS[settings.policy_set]
    return resolved(guessed(seen.columns, policy_set, said), seen, policy_set)


def as_stored(settings: Settings, seen: Sample, given: Map) -> list[dict[str, Any]]:
    """The first rows as posts with their judgements, or with the problem that refuses them."""
    table = seen.piece.table
    piece = seen.piece._replace(table=table.slice(0, PREVIEW_ROWS), rows=seen.piece.rows[:PREVIEW_ROWS])
    fitted = fit(given, table.schema.names, lenient=True)
    made = shaped(piece, fitted, POLICY_SETS[settings.policy_set], Notes())
    shown = [name for name in made.column_names if not name.endswith("_bytes")]
    rows: list[dict[str, Any]] = made.select(shown).to_pylist()
    return rows


def advice(seen: Sample, given: Map) -> list[str]:
    """What a person should know before these rows are stored."""
    told = [
        f"column {name!r} looks like a label and nothing maps it ({_some(seen.columns[name])}); add POLICY={name}"
        for name in unmapped(seen.columns, given)
    ]
    if given.of_posts and "post_id" not in given.columns:
        told.append(
            "no column holds ids: each post's is made of its content, and so is the same the next time"
        )
    if {"annotations", "predictions"} <= {*seen.columns} and not given.judges_anything:
        told.append("this looks like Label Studio's export, which the source label_studio reads whole")
    elif given.of_posts and not given.judges_anything:
        told.append("no column holds judgements: posts alone teach a model nothing; map a policy's column")
    return told


def require(seen: Sample, given: Map) -> None:
    """Raises MappingError for a column that the sample's file lacks, with those that it has."""
    try:
        fit(given, seen.piece.table.schema.names, lenient=seen.is_json)
    except BadLineError as error:
        raise MappingError(f"{seen.file}: {error.args[1]}") from None


def _some(values: list[str]) -> str:
    return ", ".join(shorten(value)[:20] for value in list(dict.fromkeys(values))[:4])
