"""Compact the lake's tables."""

from __future__ import annotations

from datetime import timedelta

from prefect import task

from infra.lake import open_lake
from infra.settings import Settings
from tasks.plumbing.retrying import PATIENT
from tasks.plumbing.story import counted, tells

SMALL_FILE_ROWS = 100_000  # files with fewer are merged
DATED = ("posts", "judgements", "rejects")  # tables that are read as of a time
WRITTEN = ("decisions", "acts", "findings", "hashes", "leases")  # tables that are read as they are
READERS = timedelta(hours=1)  # versions that a reader may still have open


def _story(merged: dict[str, int]) -> str:
    return f"files merged away: {counted(merged) or 'none'}"


@task(name="compact", **PATIENT)
@tells(_story)
def compact(settings: Settings, keep_days: int) -> dict[str, int]:
    """How many files of each table were merged away."""
    lake, merged = open_lake(settings), {}
    for name in (*DATED, *WRITTEN):
        table = getattr(lake, name)
        if table.exists():
            before = len(table.open().get_fragments())
            table.compact(SMALL_FILE_ROWS, timedelta(days=keep_days) if name in DATED else READERS)
            merged[name] = before - len(table.open().get_fragments())
    return merged
