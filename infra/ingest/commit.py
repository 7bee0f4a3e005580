"""Staged rows into the lake: one commit a table, none where nothing is new."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.ingest.deduplication import Settled, posts
from infra.ingest.first_load import FirstLoad
from infra.ingest.hashes import Hashing
from infra.ingest.reject import Reject, shorten
from infra.ingest.staging import Staging
from infra.ingest.summary import Changes, Hashes, Rejects
from infra.ingest.votes import Votes, judged, moments
from infra.lake import Lake, quoted
from models.domain.schemas import REJECTS

BATCH_ROWS = 20_000  # rows
KNOWN = pa.schema([REJECTS.field(name) for name in ("file", "row", "reason", "detail")])

REJECTED = """
SELECT fresh.* FROM rejects AS fresh LEFT JOIN known
    ON fresh.file = known.file AND fresh."row" = known."row" AND fresh.reason = known.reason
WHERE known.file IS NULL OR known.detail != fresh.detail
"""


MENDED = """
SELECT file, "row", reason, file NOT IN (SELECT file FROM rejects)
FROM known SEMI JOIN read USING (file) ANTI JOIN rejects USING (file, "row", reason)
ORDER BY file, "row"
"""
MOST_AT_ONCE = 500  # rows or files that one condition names


@dataclass(frozen=True)
class Commit:
    """Writes what is new of one staging; a dry run counts it and writes nothing."""

    connection: duckdb.DuckDBPyConnection
    lake: Lake
    staging: Staging
    settled: Settled
    now: datetime
    dry_run: bool
    first: FirstLoad | None = None  # if it holds what is to be written

    def hashes(self) -> Hashes:
        """Of the pictures and frames of what is new; a dry run makes none."""
        if self.dry_run or not self.staging.posts:
            return Hashes()
        return Hashing(self.staging, self.settled, self.now).into(self.lake)

    def posts(self) -> Changes:
        """New posts, new versions of known ones, and those that the lake holds as they are."""
        if not self.staging.posts:
            return Changes()
        unchanged, changed = len(self.settled.unchanged), len(self.settled.changed)
        fresh = self.staging.count - len(self.settled.dropped) - unchanged - changed
        if self.dry_run or not fresh + changed:
            return Changes(inserted=fresh, updated=changed, unchanged=unchanged)
        done = (
            self.first.posts.commit()
            if self.first
            else self.lake.posts.upsert(posts(self.staging, self.settled, self.now))
        )
        return Changes(inserted=done.inserted, updated=done.updated, unchanged=unchanged)

    def judgements(self) -> Changes:
        if self.first:
            done = self.first.judgements.commit()
            return Changes(inserted=done.inserted, updated=done.updated)
        votes = Votes(self.staging, self.settled)
        found = {"all": 0, "again": 0}
        batches = self._counted(votes.missing(self.connection, self.lake.judgements), found)
        if self.dry_run:
            collections.deque(batches, maxlen=0)
        else:
            self.lake.judgements.upsert(batches)
        fresh = found["all"] - found["again"]
        return Changes(inserted=fresh, updated=found["again"], unchanged=votes.count - found["all"])

    def _counted(self, batches: Iterator[pa.RecordBatch], found: dict[str, int]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            found["all"] += len(batch)
            found["again"] += pc.sum(batch["again"].cast(pa.int64())).as_py()
            yield judged(batch, self.now)

    def rejects(self) -> Rejects:
        """Every reject of this run is counted; the lake gains, of those that are kept, what it does not hold yet."""
        self.staging.refuse(self._conflicts())
        if not self.dry_run:
            self._clear()
            self.lake.rejects.upsert(self._rejected())
        refused = self.staging.refused
        examples = {reason: self.staging.examples[reason] for reason in sorted(refused)}
        return Rejects(total=refused.total(), by_reason=dict(sorted(refused.items())), examples=examples)

    def _clear(self) -> None:
        """Take out what earlier runs rejected of these files and this one did not: it was mended."""
        table, files = self.lake.rejects, {*self.staging.names} or {self.staging.file}
        if not table.exists():
            return
        mine = f"source = {quoted(self.staging.source)}"
        known = table.holding(len(files), lambda: files, ["file", "row", "reason"], mine)
        self.connection.register("known", known)
        self.connection.register("read", pa.table({"file": sorted(files)}))
        mended = self.connection.sql(MENDED).fetchall()
        whole = {file for file, _, _, mended_whole in mended if mended_whole}
        conditions = [f"file = {quoted(file)}" for file in sorted(whole)]
        conditions += [f"(file = {quoted(file)} AND row = {row} AND reason = {quoted(reason)})"
                       for file, row, reason, _ in mended if file not in whole]  # fmt: skip
        for start in range(0, len(conditions), MOST_AT_ONCE):
            table.delete(f"{mine} AND ({' OR '.join(conditions[start : start + MOST_AT_ONCE])})")

    def _conflicts(self) -> list[Reject]:
        rejects = []
        for indices, batch in self.staging.batches("post_id", "row"):
            for at in np.flatnonzero(np.isin(indices, self.settled.conflicting)):
                file = self.staging.file_of(int(indices[at]))
                detail = shorten(
                    f"{batch['post_id'][at].as_py()} is in an earlier row with other content or labels"
                )
                rejects.append(Reject(file, batch["row"][at].as_py(), "conflicting_duplicate", detail))
        return rejects

    def _rejected(self) -> Iterator[pa.RecordBatch]:
        table = self.lake.rejects
        known = pa.RecordBatchReader.from_batches(KNOWN, [])
        if table.exists():
            mine = f"source = {quoted(self.staging.source)}"
            found = self.connection.sql("SELECT DISTINCT file FROM rejects").fetchall()
            files = [file for (file,) in found]
            known = table.holding(len(files), lambda: files, KNOWN.names, mine)
        self.connection.register("known", known)
        for batch in self.connection.sql(REJECTED).to_arrow_reader(BATCH_ROWS):
            made = {
                "source": pa.repeat(self.staging.source, len(batch)),
                "ingested_at": moments(self.now, len(batch)),
            }
            columns = [made[name] if name in made else batch.column(name) for name in REJECTS.names]
            yield pa.RecordBatch.from_arrays(columns, schema=REJECTS)
