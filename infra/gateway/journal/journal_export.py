"""Shipping: sealed segments of the journal become rows of the lake's decisions table, each decision exactly once.

The first attempt to ship a segment is an append. Whether an attempt that was cut short had committed cannot be known,
so every later one adds what the table lacks, by decision_id. What a disk has damaged is put aside for people, a line
at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyarrow as pa

from infra.gateway.journal.aside import put_aside
from infra.gateway.journal.journal import TRIED, Journal, abandoned, sealed
from infra.gateway.journal.records import Damaged, damage, parts, read, records
from infra.lake import Table
from models.domain.schemas import DECISIONS

__all__ = ["Shipper", "records", "unshipped"]

log = logging.getLogger(__name__)

FILES, ROWS = 64, 100_000  # so many files with fewer rows are merged
MAX_NEWLY_INDEXED_ROWS = (
    2_000_000  # of a table without indexes: a larger one gets them where the deployment compact runs
)
KEEP = timedelta(hours=1)  # versions that a reader may still have open
READ_ATTEMPTS = 3  # at a journal whose segments are renamed while it is read


class Shipper:
    """Takes segments to the table; call `ship` every few seconds, one call at a time."""

    def __init__(
        self,
        root: Path,
        journal: Journal,
        table: Table,
        shipped: Callable[[int], object],
        damaged: Callable[[int], object] = int,
    ) -> None:
        """`shipped` and `damaged` are told how many decisions reached the table, and how many lines cannot."""
        self.root, self.journal, self.table = root, journal, table
        self.shipped, self.damaged = shipped, damaged

    def ship(self) -> None:
        """Everything that this process has written until now."""
        self.journal.seal()
        self._ship(self.journal.folder)

    def compact(self) -> None:
        """Keep the table fast to read; whichever gateway finds many small files does it."""
        if self.table.exists() and self.table.small_files(ROWS) >= FILES:
            self.table.compact(ROWS, KEEP, MAX_NEWLY_INDEXED_ROWS)

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
        found = {segment: read(data) for segment in segments if (data := _data(segment)) is not None}
        rows = pa.concat_tables([DECISIONS.empty_table(), *(rows for rows, _ in found.values())])
        if len(rows):
            write = self.table.append_missing if merge else self.table.append
            write(rows.to_batches())
            self.shipped(len(rows))
        for segment, (_, damaged) in found.items():
            if damaged:
                self._put_aside(segment, damaged)
            segment.unlink()

    def _put_aside(self, segment: Path, damaged: list[Damaged]) -> None:
        path = put_aside(segment, damaged)
        self.damaged(len(damaged))
        log.error(
            "journal damaged",
            extra={"lines": len(damaged), "file": str(path), "error": damaged[0].reason[:300]},
        )


def _data(segment: Path) -> bytes | None:
    """None where the disk does not give it: it stays, and does not stop the rest."""
    try:
        return segment.read_bytes()
    except OSError as error:
        log.error("segment unreadable", extra={"file": str(segment), "error": str(error)})  # noqa: TRY400
        return None


def unshipped(root: Path, decision_id: str) -> bytes | None:
    """The record of a decision that is still in a journal under `root`, of whichever process."""
    start = f'{{"decision_id":"{decision_id}"'.encode()
    for _ in range(READ_ATTEMPTS):
        try:
            return next(filter(None, (_line(segment, start) for segment in sorted(root.glob("*/0*")))), None)
        except FileNotFoundError:
            continue
    return None


def _line(segment: Path, start: bytes) -> bytes | None:
    """Line by line: while the lake is away, journals grow to more than may be in memory."""
    with segment.open("rb") as file:
        found = (line[:-1] for line in file if start in line and line.endswith(b"\n"))
        held = (one for line in found for one in parts(line) if one.startswith(start) and not damage(one))
        return next(held, None)
