"""Shipping: sealed segments of the journal become rows of the lake's decisions table, each decision exactly once.

The first attempt to ship a segment is an append. Whether an attempt that was cut short had committed cannot be known,
so every later one merges by decision_id.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.json as pj

from infra.gateway.journal import TRIED, Journal, abandoned, sealed, whole_lines
from infra.lake import Table
from models.schemas import DECISIONS

log = logging.getLogger(__name__)

FILES, ROWS = 64, 100_000  # so many files with fewer rows are merged
KEEP = timedelta(hours=1)  # versions that a reader may still have open
DAMAGED = ".damaged"
LOOKS = 3  # at a journal whose segments are renamed while it is read


class Shipper:
    """Takes segments to the table; call `ship` every few seconds, one call at a time."""

    def __init__(self, root: Path, journal: Journal, table: Table, shipped: Callable[[int], None]) -> None:
        self.root, self.journal, self.table, self.shipped = root, journal, table, shipped

    def ship(self) -> None:
        """Everything that this process has written until now."""
        self.journal.seal()
        self._ship(self.journal.folder)

    def compact(self) -> None:
        """Keep the table fast to read; whichever gateway finds many small files does it."""
        if self.table.exists() and self.table.small_files(ROWS) >= FILES:
            self.table.compact(ROWS, KEEP)

    def recover(self) -> None:
        """Everything that processes which are gone have left."""
        for folder in abandoned(self.root):
            for segment in sealed(folder):
                segment.rename(segment.with_suffix(TRIED))
            self._ship(folder)

    def _ship(self, folder: Path) -> None:
        self._take(sorted(folder.glob(f"*{TRIED}")), merge=True)
        fresh = [segment.rename(segment.with_suffix(TRIED)) for segment in sealed(folder)]
        self._take(fresh, merge=False)

    def _take(self, segments: list[Path], *, merge: bool) -> None:
        read = {segment: rows for segment in segments if (rows := _readable(segment)) is not None}
        rows = pa.concat_tables([DECISIONS.empty_table(), *read.values()])
        if len(rows):
            write = self.table.upsert if merge else self.table.append
            write(rows.to_batches())
            self.shipped(len(rows))
        for segment in read:
            segment.unlink()


def _readable(segment: Path) -> pa.Table | None:
    """Rows of a segment. One that the disk has damaged is put aside for people, so that it does not stop the rest."""
    try:
        return records(whole_lines(segment))
    except pa.ArrowException as error:
        aside = segment.rename(segment.with_suffix(DAMAGED))
        log.error("segment put aside", extra={"segment": str(aside), "error": str(error)[:300]})  # noqa: TRY400
        return None


def records(lines: bytes) -> pa.Table:
    """Rows of models.schemas.DECISIONS from JSON lines."""
    if not lines:
        return DECISIONS.empty_table()
    options = pj.ReadOptions(use_threads=False, block_size=len(lines) + 1)
    parsing = pj.ParseOptions(explicit_schema=DECISIONS, unexpected_field_behavior="ignore")
    found = pj.read_json(io.BytesIO(lines), read_options=options, parse_options=parsing)
    return found.select(DECISIONS.names).cast(DECISIONS)


def unshipped(root: Path, decision_id: str) -> bytes | None:
    """The record of a decision that is still in a journal under `root`, of whichever process."""
    start = f'{{"decision_id":"{decision_id}"'.encode()
    for _ in range(LOOKS):
        try:
            return next(filter(None, (_line(segment, start) for segment in sorted(root.glob("*/0*")))), None)
        except FileNotFoundError:
            continue
    return None


def _line(segment: Path, start: bytes) -> bytes | None:
    lines = whole_lines(segment)
    at = lines.find(start)
    return lines[at : lines.index(b"\n", at)] if at >= 0 else None
