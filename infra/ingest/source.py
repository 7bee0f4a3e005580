"""What a source announces: which files it reads and how their rows become posts and judgements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Delimited:
    """CSV or TSV. `columns` are the header's names, or, without a header, the names given from the left."""

    columns: tuple[str, ...]
    delimiter: str = ","
    quoted: bool = True
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


VIDEOS = (".mp4", ".m4v", ".mov", ".webm")  # suffixes of what `video_bytes` holds


@dataclass(frozen=True, kw_only=True)
class Source:
    """`rows` is a DuckDB SELECT from `raw`, whose columns are text, that yields any of these columns:

    post_id, author_id, market, language, created_at, text, image and video (a path beside the file, or base64),
    image_bytes, video_bytes, views: the post; an absent post_id is made from the content, and so is the
        same every time
    labels: JSON text, `{policy: bool}` or `[{"policy": ..., "moderator_id": ..., "violates": bool}]`;
        null or absent means unknown
    problem: the reason to reject the row, if the source knows one
    """

    name: str
    description: str
    reads: Delimited | Json | Images
    rows: str
    examples: dict[str, bytes] = field(repr=False)  # small invented files by name
