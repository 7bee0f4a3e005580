"""Records of the journal: a decision as a line of JSON whose last field is a checksum of what stands before it.

What a disk changed is known by that, and costs its line and not the segment. Lines of older releases have no checksum;
those are held to be whole where they can be read.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
import pyarrow as pa
import pyarrow.json as pj

from models.domain.schemas import DECISIONS

FIELD = b',"crc32":"'
END = re.compile(rb',"crc32":"[0-9a-f]{8}"\}')  # no text holds it: quotes within are escaped
LENGTH = len(FIELD) + 8 + len(b'"}')

CHANGED = "its checksum differs; once it is repaired, take the field crc32 out"


@dataclass(frozen=True)
class Damaged:
    """Bytes between two line ends that are no record, and why."""

    line: bytes
    reason: str

    @property
    def decision_id(self) -> str:
        """As far as it can be read; empty where it cannot."""
        found = re.search(rb'"decision_id": ?"([0-9a-zA-Z-]{1,64})"', self.line)
        return found[1].decode() if found else ""


def record(row: bytes) -> bytes:
    """The line of a row of models.domain.schemas.DECISIONS, which is one JSON object without a line end."""
    held = row[:-1]
    return b'%b,"crc32":"%08x"}\n' % (held, zlib.crc32(held))


def read(data: bytes) -> tuple[pa.Table, list[Damaged]]:
    """Rows of a segment, and what in it is damaged; a last line that its process died over is neither."""
    whole, damaged = [], []
    for line in _lines(data):
        reason = damage(line)
        if reason:
            damaged.append(Damaged(line, reason))
        else:
            whole.append(line)
    try:
        return records(b"\n".join([*whole, b""])), damaged
    except pa.ArrowException:  # JSON, but no decision: only lines without a checksum
        rows, others = _one_by_one(whole)
        return rows, [*damaged, *others]


def damage(line: bytes) -> str:
    """Why a line is no record; empty for one that is."""
    if line[-LENGTH:].startswith(FIELD):
        held = line[:-LENGTH]
        if line[-LENGTH:] == b'%b%08x"}' % (FIELD, zlib.crc32(held)):
            return ""
        return CHANGED
    try:
        found = orjson.loads(line)
    except ValueError as error:
        return f"no JSON: {error}"
    if not isinstance(found, dict) or not found.get("decision_id"):
        return "JSON, but no decision"
    return CHANGED if "crc32" in found else ""


def records(lines: bytes) -> pa.Table:
    """Rows of models.domain.schemas.DECISIONS from JSON lines; raises pa.ArrowException."""
    if not lines:
        return DECISIONS.empty_table()
    options = pj.ReadOptions(use_threads=False, block_size=len(lines) + 1)
    parsing = pj.ParseOptions(explicit_schema=DECISIONS, unexpected_field_behavior="ignore")
    found = pj.read_json(io.BytesIO(lines), read_options=options, parse_options=parsing)
    return found.select(DECISIONS.names).cast(DECISIONS)


def _lines(data: bytes) -> Iterator[bytes]:
    """What stands between line ends. Where one of those was damaged, records end with their checksums."""
    *lines, last = data.split(b"\n")
    for line in lines:
        yield from parts(line)
    for end in list(END.finditer(last))[-1:]:  # whole but for its line end
        yield from parts(last[: end.end()])


def parts(line: bytes) -> Iterator[bytes]:
    """The records of a line: one, or more where line ends between them were damaged."""
    start = 0
    for end in END.finditer(line):
        if end.end() < len(line):
            yield line[start : end.end()]
            start = end.end() + (line[end.end() : end.end() + 1] != b"{")  # a changed line end, or a lost one
    if line[start:]:
        yield line[start:]


def _one_by_one(lines: list[bytes]) -> tuple[pa.Table, list[Damaged]]:
    rows, damaged = [DECISIONS.empty_table()], []
    for line in lines:
        try:
            rows.append(records(line + b"\n"))
        except pa.ArrowException as error:
            first = str(error).splitlines()[0]
            damaged.append(Damaged(line, f"JSON, but no decision: {first[:200]}"))
    return pa.concat_tables(rows), damaged
