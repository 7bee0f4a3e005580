"""Posts to score, from JSONL or Parquet in the schema that `moderato ingest jsonl` reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
from pyarrow import ArrowInvalid

from infra.ingest.lines import BadLineError, blocks, json_object, lines
from infra.ingest.media import checked_image, named
from infra.ingest.places import Folder, Found
from infra.ingest.reject import Reject, shorten
from infra.ingest.units import unpacked
from models.content import MAX_TEXT
from models.errors import UserError
from models.folding import is_blank

BATCH = 256  # posts; bounds the images held at once
COLUMNS = ("post_id", "text", "image", "market")


class UnreadablePostsError(UserError):
    """A file that holds no posts to score."""


class PostRow(NamedTuple):
    post_id: str
    text: str | None
    image: bytes | None
    market: str | None


class PostBatch(NamedTuple):
    """`done` is the share of the file that was read so far."""

    posts: list[PostRow]
    bad: list[Reject]
    done: float


def read_posts(path: Path) -> Iterator[PostBatch]:
    """Batch by batch; a row that is no post is named and the rest goes on. Raises UnreadablePostsError.

    A post without an id is called after its row: row-1 is the first.
    """
    if not path.is_file():
        raise UnreadablePostsError(f"there is no file {str(path)!r}; give a .jsonl or .parquet file of posts")
    if path.suffix == ".parquet":
        return _parquet(path)
    if {".jsonl", ".ndjson"} & set(path.suffixes):
        return _json_lines(path)
    raise UnreadablePostsError(f"{path.name!r} is neither .jsonl nor .parquet; rename it or convert it")


def _json_lines(path: Path) -> Iterator[PostBatch]:
    found = Found(str(path), path.name, path.stat().st_size)
    posts, bad, read = [], [], 0
    with unpacked(path) as stream:
        for block in blocks(stream):
            read += len(block.data)
            for line in lines(block):
                try:
                    posts.append(_post(json.loads(json_object(line.data)), line.row, path.parent, found))
                except BadLineError as error:
                    bad.append(Reject(found.name, line.row, *error.args))
                if len(posts) == BATCH:
                    yield PostBatch(posts, bad, min(1.0, read / max(1, found.size)))
                    posts, bad = [], []
    yield PostBatch(posts, bad, 1.0)


def _parquet(path: Path) -> Iterator[PostBatch]:
    found = Found(str(path), path.name, path.stat().st_size)
    try:
        parquet = pq.ParquetFile(path)
    except ArrowInvalid as error:
        raise UnreadablePostsError(f"{str(path)!r} is no Parquet file: {shorten(str(error))}") from None
    columns = [name for name in COLUMNS if name in parquet.schema_arrow.names]
    row = 0
    with parquet:
        for batch in parquet.iter_batches(batch_size=BATCH, columns=columns):
            posts, bad = [], []
            for values in batch.to_pylist():
                row += 1
                try:
                    posts.append(_post(values, row, path.parent, found))
                except BadLineError as error:
                    bad.append(Reject(found.name, row, *error.args))
            yield PostBatch(posts, bad, row / parquet.metadata.num_rows)


def _post(values: dict[str, Any], row: int, folder: Path, found: Found) -> PostRow:
    post_id, text, market = (_string(values, name) for name in ("post_id", "text", "market"))
    if text is not None and len(text) > MAX_TEXT:
        raise BadLineError("text_too_long", f"{len(text)} characters, at most {MAX_TEXT}")
    image = values.get("image")
    if isinstance(image, bytes):
        image = checked_image(image) if image else None
    elif image:
        given = _string(values, "image") or ""
        image = checked_image(named(given, "image", partial(Folder(folder, found.key).fetch, found)))
    if not image and is_blank(text):
        raise BadLineError("empty_post", "no text and no image")
    return PostRow(post_id or f"row-{row}", text, image or None, market)


def _string(values: dict[str, Any], name: str) -> str | None:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise BadLineError(f"{name}_no_string", f"{name} is {shorten(value)}")
    return value or None
