"""Files as blocks of whole lines, and as good lines apart from those that no parser should see."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from infra.forms import FormError, author_id, post_id
from infra.ingest.notes import Notes
from infra.ingest.opening import Stream
from infra.ingest.reject import BadLineError, Reject

BLOCK_BYTES = 8 << 20  # bytes
BLOCK_ROWS = 40_000  # lines of a block: short ones take more memory as rows than as bytes
MAX_LINE = 16 << 20  # bytes; an image within it may have 12 MB, larger ones lie in files of their own

NUL_ESCAPE = b"\\u0000"


class Block(NamedTuple):
    first: int  # line number of its first line
    data: bytes  # whole lines; one over MAX_LINE is cut there


class Line(NamedTuple):
    row: int
    data: bytes


def blocks(stream: Stream) -> Iterator[Block]:
    """Whole lines, about BLOCK bytes and at most ROWS of them at a time; never holds more than MAX_LINE of one line."""
    row, rest = 1, b""
    skipping = False
    while data := stream.read(BLOCK_BYTES):
        if skipping:
            _, newline, data = data.partition(b"\n")
            if not newline:
                continue
            skipping, rest = False, rest + newline
        end = data.rfind(b"\n") + 1
        if not end and len(rest) + len(data) > MAX_LINE:
            rest, skipping = (rest + data)[: MAX_LINE + 1], True
            continue
        if not end:
            rest += data
            continue
        block = Block(row, rest + data[:end])
        count = newlines(block.data)
        yield from _cut(block, count)
        row, rest = row + count, data[end:]
    if rest:
        yield Block(row, rest)


def _cut(block: Block, count: int) -> Iterator[Block]:
    """A block of so many lines, in pieces of ROWS."""
    if count <= BLOCK_ROWS:
        yield block
        return
    ends = np.flatnonzero(np.frombuffer(block.data, np.uint8) == ord("\n"))[BLOCK_ROWS - 1 :: BLOCK_ROWS] + 1
    places = [0, *map(int, ends), len(block.data)]
    for number, (start, end) in enumerate(pairwise(places)):
        if start < end:
            yield Block(block.first + number * BLOCK_ROWS, block.data[start:end])


def newlines(data: bytes) -> int:
    """How many there are; bytes.count takes twice as long, and lets no other thread run."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == ord("\n")))


def may_be_parsed(data: bytes) -> bool:
    """Whether DuckDB may see the block: it finds invalid UTF-8 and NUL itself, but not that NUL was escaped."""
    return len(data) <= MAX_LINE and (b"\\" not in data or NUL_ESCAPE not in data)


def lines(block: Block) -> Iterator[Line]:
    """The block's lines that are not blank."""
    for number, data in enumerate(block.data.split(b"\n")):
        if not data.isspace() and data:
            yield Line(block.first + number, data.removesuffix(b"\r"))


def decoded(data: bytes) -> str:
    """The line as text; raises BadLineError."""
    if len(data) > MAX_LINE:
        raise BadLineError("line_too_long", f"over {MAX_LINE} bytes")
    if b"\0" in data:
        raise BadLineError("nul_bytes", f"at byte {data.index(0) + 1}")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadLineError("invalid_utf8", not_utf8(data, error.start)) from None


def not_utf8(data: bytes, at: int) -> str:
    """What the byte may have meant, and what to do."""
    try:
        meant = f"; in Windows-1252 it is {data[at : at + 1].decode('cp1252')!r}"
    except UnicodeDecodeError:
        meant = ""
    return f"byte {at + 1} (0x{data[at]:02X}) is not UTF-8{meant}: save the file as UTF-8"


def json_object(data: bytes) -> dict[str, Any]:
    """The line as one JSON object; raises BadLineError."""
    text = decoded(data)
    try:
        value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_once)
    except BadLineError:
        raise
    except RecursionError:
        raise BadLineError("malformed_json", "brackets within brackets, too deep for a post") from None
    except ValueError as error:
        raise BadLineError("malformed_json", _advice(text, getattr(error, "pos", 0))) from None
    if not isinstance(value, dict):
        raise BadLineError("malformed_json", f"a row is an object {{...}}, and this is {_called(value)}")
    return value


def spelled(value: dict[str, Any]) -> str:
    """The object so that any parser takes it; raises BadLineError."""
    try:
        clean = json.dumps(value, ensure_ascii=False)
    except (RecursionError, ValueError):
        raise BadLineError("malformed_json", "brackets within brackets, too deep for a post") from None
    if NUL_ESCAPE.decode() in clean:
        raise BadLineError("nul_bytes", "escaped as \\u0000")
    try:
        clean.encode()
    except UnicodeEncodeError:
        raise BadLineError("invalid_utf8", "half of a surrogate pair") from None
    return clean


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Which of two values is meant, a parser guesses; twice the same is no question."""
    value: dict[str, Any] = {}
    for key, item in pairs:
        if key in value and value[key] != item:
            raise BadLineError("duplicate_key", f"{key[:60]!r} is there twice, with different values")
        value[key] = item
    return value


def _refuse_constant(constant: str) -> Any:
    raise BadLineError("malformed_json", f"{constant} is no value in JSON; write null where there is none")


def _advice(text: str, place: int) -> str:
    """What is wrong with a line that is no JSON, in the words of who wrote it."""
    bare = text.strip()
    if bare.startswith(("{'", '{"')) and (
        "': " in bare or "'," in bare or " None" in bare or " True" in bare
    ):
        return "written as Python prints a dict; write each row with json.dumps"
    if bare.startswith("{") and not bare.endswith("}"):
        return "the line ends before its object does; a row is one object on one line"
    if not bare.startswith("{"):
        return f"a row is an object {{...}}, and this line begins with {bare[:1]!r}"
    return f"no JSON from character {place + 1} on"


def _called(value: object) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def sift(
    block: Block, file: str, columns: Sequence[str], notes: Notes
) -> tuple[list[str], list[int], list[Reject]]:
    """The block's JSON objects with their line numbers, and the lines that are none."""
    good, rows, bad = [], [], []
    for line in lines(block):
        try:
            value = json_object(line.data)
            _identified(value, columns, notes)
            good.append(spelled(value))
            rows.append(line.row)
        except BadLineError as error:
            bad.append(Reject(file, line.row, *error.args))
    return good, rows, bad


def _identified(value: dict[str, Any], columns: Sequence[str], notes: Notes) -> None:
    """Ids that are no texts are judged here, where what they are is still known; raises BadLineError."""
    given = value.get("post_id")
    if "post_id" in columns and given is not None and not isinstance(given, str):
        try:
            post_id(given)
        except FormError as error:
            raise BadLineError(error.key, error.detail) from None
    author = value.get("author_id")
    if "author_id" in columns and author is not None and not isinstance(author, str):
        try:
            author_id(author)
        except FormError as error:
            notes.add(error.key, error.detail)
            value["author_id"] = None
