"""JSON that is not one object a line: lists, objects over several lines, objects with commas between."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from infra.ingest.lines import BLOCK_BYTES, BLOCK_ROWS, MAX_LINE, Block
from infra.ingest.opening import Stream
from infra.ingest.reject import BadLineError

CHUNK_BYTES = 1 << 20  # bytes at once
# A whole string, a bracket, a comma, or the quote of a string that goes on in what is not read yet.
TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\],"]', re.DOTALL)
BETWEEN = re.compile(rb",[ \t\r]*$", re.MULTILINE)
OPENED = re.compile(rb"\A\s*\[")


def is_listed(head: bytes) -> bool:
    """Whether each line is an object, but for brackets around all and commas behind each."""
    first, _, rest = head.lstrip().partition(b"\n")
    if first.strip() == b"[":
        first = rest.lstrip().partition(b"\n")[0]
    bare = first.strip().removeprefix(b"[").strip()
    return bare.startswith(b"{") and bare.endswith((b",", b"}]", b"},")) and _is_object(bare.rstrip(b"], \t"))


def is_spread(head: bytes) -> bool:
    """Whether objects lie in a list or over several lines, and so must be found by their brackets."""
    first = head.lstrip().partition(b"\n")[0].strip()
    return first == b"{" or (first.startswith(b"[") and not is_listed(head))


def tidied(block: Block) -> Block:
    """The block's lines without the brackets around all of them and the commas between."""
    data = OPENED.sub(b"", block.data) if block.first == 1 else block.data
    data = BETWEEN.sub(b"", data)
    lines = [_unclosed(line) if line.rstrip().endswith(b"]") else line for line in data.split(b"\n")]
    return Block(block.first, b"\n".join(lines))


def _unclosed(line: bytes) -> bytes:
    bare = line.strip()
    return b"" if bare == b"]" else bare[:-1] if bare.endswith(b"}]") and _is_object(bare[:-1]) else line


def spread(stream: Stream) -> Iterator[Block]:
    """Each document on a line of its own, counted from 1; raises BadLineError where the file is cut or too long."""
    row, lines, size = 1, [], 0
    fault: BadLineError | None = None
    documents = _documents(stream)
    while fault is None:
        try:
            document = next(documents, None)
        except BadLineError as error:
            document, fault = None, error  # what came before is kept
        if document is not None:
            lines.append(document.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n")
            size += len(lines[-1])
        if lines and (document is None or size > BLOCK_BYTES or len(lines) >= BLOCK_ROWS):
            yield Block(row, b"".join(lines))
            row, lines, size = row + len(lines), [], 0
        if document is None:
            break
    if fault:
        raise fault


def _documents(stream: Stream) -> Iterator[bytes]:
    splitter = Splitter()
    fault: BadLineError | None = None
    while True:
        try:
            data = stream.read(CHUNK_BYTES)
        except BadLineError as error:
            data, fault = b"", error
        if not data:
            break
        yield from splitter.feed(data)
    if fault:
        raise fault
    yield from splitter.end()


class Splitter:
    """Cuts text at the commas and brackets that lie outside of strings; what lies between may be anything."""

    def __init__(self) -> None:
        self._buffer = b""
        self._start = 0  # of the document that is not whole yet
        self._at = 0  # where the next token is looked for
        self._depth = 0
        self._base = 0  # 1 within a list of documents

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._buffer = self._buffer[self._start :] + data
        self._at -= self._start
        self._start = 0
        for token in TOKEN.finditer(self._buffer, self._at):
            if token.group() == b'"':
                self._at = token.start()
                break
            self._at = token.end()
            if (cut := self._cut(token)) is not None and cut.strip():
                yield cut
        else:
            self._at = max(self._at, len(self._buffer))
        if len(self._buffer) - self._start > MAX_LINE:
            raise BadLineError(
                "line_too_long",
                f"an object of over {MAX_LINE} bytes, or a quote or bracket that is not closed",
            )

    def end(self) -> Iterator[bytes]:
        if self._base:
            raise BadLineError(
                "unreadable_file", "its list is not closed: it was cut short; all before was read"
            )
        rest = self._buffer[self._start :]
        if rest.strip():
            yield rest

    def _cut(self, token: re.Match[bytes]) -> bytes | None:
        """The document that ends with the token, if one does."""
        sign = token.group()
        if sign == b"[" and not self._depth and not self._buffer[self._start : token.start()].strip():
            self._depth = self._base = 1
            self._start = token.end()
        elif sign in (b"{", b"["):
            self._depth += 1
        elif sign in (b"}", b"]"):
            self._depth -= 1
            if self._depth < self._base:
                self._depth = self._base = 0
                return self._taken(token.start(), token.end())
            if self._depth == self._base:
                return self._taken(token.end(), token.end())
        elif sign == b"," and self._depth == self._base:
            return self._taken(token.start(), token.end())
        return None

    def _taken(self, end: int, then: int) -> bytes:
        document = self._buffer[self._start : end]
        self._start = then
        return document


def _is_object(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data), dict)
    except (ValueError, RecursionError):
        return False
