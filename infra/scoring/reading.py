"""Posts to score, from JSONL or Parquet in the schema that `moderato ingest jsonl` reads."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from infra.forms import FormError, market, post_id
from infra.ingest.columns import read_columns
from infra.ingest.lines import Block, json_object, lines
from infra.ingest.media import checked_image
from infra.ingest.notes import Notes
from infra.ingest.opening import explained
from infra.ingest.parquet import read_parquet
from infra.ingest.places import Folder, Found
from infra.ingest.references import named
from infra.ingest.reject import BadLineError, Reject, shorten
from infra.ingest.source import Json
from infra.ingest.units import Unit, read_json
from models.content import MAX_TEXT
from models.errors import UserError
from models.folding import is_blank

BATCH = 256  # posts; bounds the images held at once
COLUMNS = ("post_id", "text", "image", "market")
FORM = Json(columns=dict.fromkeys(COLUMNS, "VARCHAR"))


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
    try:
        for unit in read_json(path):
            assert isinstance(unit.raw, Block)
            read += unit.size
            for line in lines(unit.raw):
                try:
                    posts.append(_post(json_object(line.data), line.row, path.parent, found))
                except BadLineError as error:
                    bad.append(Reject(found.name, line.row, *error.args))
                if len(posts) == BATCH:
                    yield PostBatch(posts, bad, min(1.0, read / max(1, found.size)))
                    posts, bad = [], []
    except BadLineError as error:  # what follows cannot be read
        bad.append(Reject(found.name, 1, *error.args))
    yield PostBatch(posts, bad, 1.0)


def _parquet(path: Path) -> Iterator[PostBatch]:
    found = Found(str(path), path.name, path.stat().st_size)
    read = 0
    try:
        for unit in read_parquet(found, path, FORM, Notes()):
            read += unit.size
            yield from _tabled(unit, path, found, read)
    except (BadLineError, pa.ArrowException) as error:
        if isinstance(error, BadLineError) and error.args[0] != "unreadable_file":
            raise UnreadablePostsError(f"{str(path)!r}: {error.args[1]}") from None
        detail = error.args[-1] if isinstance(error, BadLineError) else explained(error)
        raise UnreadablePostsError(f"{str(path)!r} is no Parquet file: {detail}") from None


def _tabled(unit: Unit, path: Path, found: Found, read: int) -> Iterator[PostBatch]:
    """The unit's posts, no more at once than their images leave room for; `read` bytes of the file are done."""
    columns = read_columns(unit.raw, FORM)
    rows = columns.table()
    bad = list(unit.bad)
    for start in range(0, max(1, len(rows)), BATCH):
        posts = []
        for place, values in enumerate(rows.slice(start, BATCH).to_pylist(), start):
            row = int(unit.rows[place])
            try:
                if place in columns.faults:
                    raise BadLineError(*columns.faults[place])
                posts.append(_post(values, row, path.parent, found))
            except BadLineError as error:
                bad.append(Reject(found.name, row, *error.args))
        yield PostBatch(posts, bad, min(1.0, read / max(1, found.size)))
        bad = []


def _post(values: dict[str, Any], row: int, folder: Path, found: Found) -> PostRow:
    """By the rules of ingest: ids and markets in their one spelling, pictures as bytes, paths or base64."""
    text = _string(values, "text")
    if text is not None and len(text) > MAX_TEXT:
        raise BadLineError("text_too_long", f"{len(text)} characters, at most {MAX_TEXT}")
    image = values.get("image_bytes")
    if image:
        image = checked_image(image)
    elif given := _string(values, "image"):
        image = checked_image(named(given, "image", partial(Folder(folder, found.key).fetch, found)))
    if not image and is_blank(text):
        raise BadLineError("empty_post", "no text and no image")
    given_id, given_market = values.get("post_id"), _string(values, "market")
    try:
        name = f"row-{row}" if given_id in (None, "") else post_id(given_id)
        return PostRow(name, text, image or None, given_market and market(given_market))
    except FormError as error:
        raise BadLineError(error.key, error.detail) from None


def _string(values: dict[str, Any], name: str) -> str | None:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise BadLineError(f"{name}_no_string", f"{name} is {shorten(value)}")
    return value or None
