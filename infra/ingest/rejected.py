"""The rows that ingest refused: counted, looked at, let go of, and tried again once their file or map was mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from infra.ingest.engine import ingest
from infra.ingest.locations import UnreadableError
from infra.ingest.source import Images, Tabular
from infra.ingest.summary import Summary
from infra.ingest.tables.mapping import Map
from infra.ingest.tables.remembering import recalled
from infra.lake import Lake, open_lake, quoted
from infra.settings import Settings


@dataclass(frozen=True)
class Among:
    """Which rejects are meant: all of them, or those of a source, a reason or a file."""

    source: str = ""
    reason: str = ""
    file: str = ""

    @property
    def condition(self) -> str:
        given = {name: value for name, value in vars(self).items() if value}
        return " AND ".join(f"{name} = {quoted(value)}" for name, value in given.items()) or "true"


class Group(NamedTuple):
    """Rejects of one source, file and reason."""

    source: str
    file: str
    reason: str
    rows: int
    example: str
    latest: datetime


def groups(lake: Lake, among: Among) -> list[Group]:
    """By source, file and reason, the most frequent first."""
    counts: Counter[tuple[str, str, str]] = Counter()
    told: dict[tuple[str, str, str], tuple[str, datetime]] = {}
    columns = ["source", "file", "reason", "detail", "ingested_at"]
    if not lake.rejects.exists():
        return []
    for batch in lake.rejects.open().scanner(columns=columns, filter=among.condition).to_batches():
        for row in batch.to_pylist():
            key = row["source"], row["file"], row["reason"]
            counts[key] += 1
            example, latest = told.get(key, (row["detail"], row["ingested_at"]))
            told[key] = example, max(latest, row["ingested_at"])
    return [Group(*key, count, *told[key]) for key, count in counts.most_common()]


def samples(lake: Lake, among: Among, limit: int) -> list[dict[str, Any]]:
    """Some rejects in the order of their files and rows."""
    if not lake.rejects.exists():
        return []
    held = lake.rejects.open().scanner(filter=among.condition, limit=limit).to_table()
    found: list[dict[str, Any]] = held.sort_by([("file", "ascending"), ("row", "ascending")]).to_pylist()
    return found


def clear(lake: Lake, among: Among) -> int:
    """Let go of rejects; how many they were. Their rows are refused anew where their file is read again."""
    return lake.rejects.delete(among.condition)


class Tried(NamedTuple):
    """What became of a file's rejects: how many there were and are, or why it was not read."""

    source: str
    file: str
    before: int
    after: int
    summary: Summary | None
    why: str = ""


def retry(
    settings: Settings, among: Among, columns: Map | None, tell: Callable[[str], None] = lambda _: None
) -> list[Tried]:
    """Read the files of the rejects again, a table with the map it was read by unless another is given."""
    lake = open_lake(settings)
    counts: Counter[tuple[str, str]] = Counter()
    for group in groups(lake, among):
        counts[group.source, group.file] += group.rows
    found = []
    for source, file in counts:
        tell(f"{source}: {file}")
        found.append(_tried(settings, Among(source, among.reason, file), columns))
    return found


def _tried(settings: Settings, mine: Among, columns: Map | None) -> Tried:
    """What became of the rejects of one file."""
    from infra.ingest.sources import SOURCES

    lake, source, file = open_lake(settings), mine.source, mine.file
    before = sum(group.rows for group in groups(lake, mine))
    reads = SOURCES[source].reads
    if isinstance(reads, Images):
        folder = Path(file).parent.parent
        return Tried(
            source, file, before, before, None, f"read its folder again: moderato ingest {source} {folder}"
        )
    given = None
    if isinstance(reads, Tabular):
        kept = recalled(settings, source, file)
        given = columns.over(kept) if columns and kept else columns or kept
    if isinstance(reads, Tabular) and not reads.map.columns and not (given and given.wanted()):
        return Tried(source, file, before, before, None, "its map is not known; give it with --map")
    try:
        summary = ingest(settings, source, file, again=True, columns=given)
    except UnreadableError as error:
        return Tried(source, file, before, before, None, str(error))
    return Tried(source, file, before, sum(group.rows for group in groups(lake, mine)), summary)
