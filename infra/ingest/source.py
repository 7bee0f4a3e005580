"""What a source announces: which files it reads and how their rows become posts and judgements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.ingest.tables.mapping import Map


@dataclass(frozen=True)
class Delimited:
    """CSV or TSV. `columns` are the header's names, or, without a header, the names given from the left.

    `escape` stands before a quote that does not end its field, where quotes are not doubled.
    """

    columns: tuple[str, ...]
    delimiter: str = ","
    quoted: bool = True
    quote: str = '"'
    escape: str = ""
    header: bool = True
    suffixes: tuple[str, ...] = (".csv", ".csv.gz")


@dataclass(frozen=True)
class Json:
    """One JSON object a line, or Parquet with the same columns; a column that is absent reads as NULL."""

    columns: dict[str, str]  # name -> DuckDB type: VARCHAR or JSON
    suffixes: tuple[str, ...] = (".jsonl", ".jsonl.gz", ".ndjson", ".json", ".json.gz", ".parquet")


@dataclass(frozen=True)
class Images:
    """Image files in sub-folders; `raw` has `column`, and `labels` made from the sub-folder's name."""

    suffixes: tuple[str, ...] = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp")
    column: str = "image_bytes"
    folders: Mapping[str, Mapping[str, bool]] = field(
        default_factory=dict
    )  # labels of sub-folders by their names


@dataclass(frozen=True)
class Tabular:
    """Delimited text, Excel, Parquet or JSON of whatever columns and dialect; `map` says what the columns mean.

    `raw` has the fields of posts, `labels` and `problem`, made by the map.
    """

    map: Map = field(default_factory=Map)
    suffixes: tuple[str, ...] = (
        *(".csv", ".csv.gz", ".tsv", ".tsv.gz", ".tab", ".txt", ".txt.gz"),
        *(".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".parquet"),
        *(".json", ".json.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz"),
    )


VIDEOS = (".mp4", ".m4v", ".mov", ".webm")  # suffixes of what `video_bytes` holds


@dataclass(frozen=True, kw_only=True)
class Source:
    """`rows` is a DuckDB SELECT from `raw`, whose columns are text, that yields any of these columns:

    post_id, author_id, market, language, created_at, text, image and video (a path beside the file, or base64),
    image_bytes, video_bytes, views: the post; an absent post_id is made from the content, and so is the
        same every time
    labels: JSON text, `{policy: bool}` or `[{"policy": ..., "moderator_id": ..., "violates": bool}]`;
        null or absent means unknown. An entry of the list may also say its source (a JudgementSource), decided_at,
        withdrawn, and how many `votes` it stands for, with how many of them `violating`
    problem: the reason to reject the row, if the source knows one, and behind a bar the detail
    """

    name: str
    description: str
    reads: Delimited | Json | Images | Tabular
    rows: str
    examples: dict[str, bytes] = field(repr=False)  # small invented files by name
    example_map: Map | None = None  # of the examples' columns, for a source that has none of its own
