"""Posts to score, from JSON or Parquet in the schema that `moderato ingest jsonl` reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from infra.forms import FormError, market, post_id
from infra.ingest.files import (
    MEDIA,
    MEDIA_BYTES,
    BadLineError,
    Block,
    Folder,
    Found,
    Json,
    Notes,
    Reject,
    Unit,
    explained,
    json_object,
    lines,
    medium,
    read_columns,
    read_json,
    read_parquet,
    shorten,
)
from models.domain.content import MAX_TEXT
from models.domain.errors import UserError
from models.domain.folding import is_blank

BATCH_ROWS = 256  # rows
JSON = {".jsonl", ".ndjson", ".json"}  # objects a line each, in a list, or over several lines; also gzipped


class UnreadablePostsError(UserError):
    """A file that holds no posts to score."""


class PostRow(NamedTuple):
    post_id: str
    text: str | None
    image: bytes | None
    market: str | None
    video: bytes | None = None


FORM = Json(columns=dict.fromkeys(PostRow._fields, "VARCHAR"))
Item = tuple[PostRow | Reject, int]  # a row, and how many bytes of the file were read so far


class PostBatch(NamedTuple):
    """`done` is the share of the file that was read so far."""

    posts: list[PostRow]
    bad: list[Reject]
    done: float


def read_posts(path: Path, kinds: Collection[str] = tuple(MEDIA)) -> Iterator[PostBatch]:
    """Batch by batch; a row that is no post is named and the rest goes on. Raises UnreadablePostsError.

    A post without an id is called after its row: row-1 is the first. `kinds`: of media that are read, for a reader
    of fewer; a row that holds nothing else is no post to it.
    """
    if not path.is_file():
        raise UnreadablePostsError(
            f"there is no file {str(path)!r}; give a .jsonl, .json or .parquet file of posts"
        )
    found = Found(str(path), path.name, path.stat().st_size)
    if path.suffix == ".parquet":
        return _batches(_parquet(path, found, kinds), found.size)
    if JSON & set(path.suffixes):
        return _batches(_json_lines(path, found, kinds), found.size)
    raise UnreadablePostsError(
        f"{path.name!r} is neither .jsonl, .json nor .parquet; rename it or convert it"
    )


def _json_lines(path: Path, found: Found, kinds: Collection[str]) -> Iterator[Item]:
    read = 0
    try:
        for unit in read_json(path):
            assert isinstance(unit.raw, Block)
            read += unit.size
            for line in lines(unit.raw):
                try:
                    yield _post(json_object(line.data), line.row, path.parent, found, kinds), read
                except BadLineError as error:
                    yield Reject(found.name, line.row, *error.args), read
    except BadLineError as error:  # what follows cannot be read
        yield Reject(found.name, 1, *error.args), read


def _parquet(path: Path, found: Found, kinds: Collection[str]) -> Iterator[Item]:
    read = 0
    try:
        for unit in read_parquet(found, path, FORM, Notes()):
            read += unit.size
            for item in _tabled(unit, path, found, kinds):
                yield item, read
    except (BadLineError, pa.ArrowException) as error:
        if isinstance(error, BadLineError) and error.args[0] != "unreadable_file":
            raise UnreadablePostsError(f"{str(path)!r}: {error.args[1]}") from None
        detail = error.args[-1] if isinstance(error, BadLineError) else explained(error)
        raise UnreadablePostsError(f"{str(path)!r} is no Parquet file: {detail}") from None


def _tabled(unit: Unit, path: Path, found: Found, kinds: Collection[str]) -> Iterator[PostRow | Reject]:
    yield from unit.bad
    columns = read_columns(unit.raw, FORM)
    rows = columns.table()
    for start in range(0, len(rows), BATCH_ROWS):
        for place, values in enumerate(rows.slice(start, BATCH_ROWS).to_pylist(), start):
            row = int(unit.rows[place])
            if place in columns.faults:
                yield Reject(found.name, row, *columns.faults[place])
                continue
            try:
                yield _post(values, row, path.parent, found, kinds)
            except BadLineError as error:
                yield Reject(found.name, row, *error.args)


def _batches(items: Iterator[Item], size: int) -> Iterator[PostBatch]:
    """No more rows at once than BATCH, nor more of their pictures and videos than MEDIA_BYTES and one more."""
    posts: list[PostRow] = []
    bad: list[Reject] = []
    held = 0
    for item, read in items:
        if isinstance(item, Reject):
            bad.append(item)
        else:
            posts.append(item)
            held += len(item.image or b"") + len(item.video or b"")
        if len(posts) + len(bad) == BATCH_ROWS or held > MEDIA_BYTES:
            yield PostBatch(posts, bad, min(1.0, read / max(1, size)))
            posts, bad, held = [], [], 0
    yield PostBatch(posts, bad, 1.0)


def _post(values: dict[str, Any], row: int, folder: Path, found: Found, kinds: Collection[str]) -> PostRow:
    """By the rules of ingest: ids and markets in their one spelling, pictures and videos as bytes, paths or base64."""
    text = _string(values, "text")
    if text is not None and len(text) > MAX_TEXT:
        raise BadLineError("text_too_long", f"{len(text)} characters, at most {MAX_TEXT}")
    fetch = partial(Folder(folder, found.key).fetch, found)
    media = {
        kind: medium(kind, _string(values, kind), values.get(f"{kind}_bytes") or None, fetch)
        for kind in kinds
    }
    if not any(media.values()) and is_blank(text):
        raise BadLineError("empty_post", f"no text and no {' or '.join(kinds)}")
    given_id, given_market = values.get("post_id"), _string(values, "market")
    try:
        name = f"row-{row}" if given_id in (None, "") else post_id(given_id)
        return PostRow(
            name, text, media.get("image"), given_market and market(given_market), media.get("video")
        )
    except FormError as error:
        raise BadLineError(error.key, error.detail) from None


def _string(values: dict[str, Any], name: str) -> str | None:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise BadLineError(f"{name}_no_string", f"{name} is {shorten(value)}")
    return value or None
