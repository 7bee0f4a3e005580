"""Files as blocks of whole lines, and as good lines apart from those that no parser should see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from infra.ingest.reject import Reject, shorten

BLOCK = 8 << 20  # bytes
MAX_LINE = 16 << 20  # bytes; an image within it may have 12 MB, larger ones lie in files of their own

NUL_ESCAPE = b"\\u0000"


class Block(NamedTuple):
    first: int  # line number of its first line
    data: bytes  # whole lines; one over MAX_LINE is cut there


class Line(NamedTuple):
    row: int
    data: bytes


class BadLineError(ValueError):
    """A line that is no row; args are the reason and the detail."""


def blocks(stream: BinaryIO) -> Iterator[Block]:
    """Whole lines, about BLOCK bytes at a time; never holds more than MAX_LINE of one line."""
    row, rest = 1, b""
    skipping = False
    while data := stream.read(BLOCK):
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
        yield block
        row, rest = row + newlines(block.data), data[end:]
    if rest:
        yield Block(row, rest)


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
        raise BadLineError("invalid_utf8", f"at byte {error.start + 1}") from None


def json_object(data: bytes) -> str:
    """The line as one JSON object, spelled so that any parser takes it; raises BadLineError."""
    text = decoded(data)
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadLineError("malformed_json", shorten(str(error))) from None
    if not isinstance(value, dict):
        raise BadLineError("malformed_json", f"a row is an object, not {type(value).__name__}")
    clean = json.dumps(value, ensure_ascii=False)
    if NUL_ESCAPE.decode() in clean:
        raise BadLineError("nul_bytes", "escaped as \\u0000")
    try:
        clean.encode()
    except UnicodeEncodeError:
        raise BadLineError("invalid_utf8", "half of a surrogate pair") from None
    return clean


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def sift(block: Block, file: str) -> tuple[list[str], list[int], list[Reject]]:
    """The block's JSON objects with their line numbers, and the lines that are none."""
    good, rows, bad = [], [], []
    for line in lines(block):
        try:
            good.append(json_object(line.data))
            rows.append(line.row)
        except BadLineError as error:
            bad.append(Reject(file, line.row, *error.args))
    return good, rows, bad
