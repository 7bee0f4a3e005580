"""Staged labels as rows of the judgements table, those left out that the lake holds as they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa

from infra.ingest.deduplication import Settled
from infra.ingest.staging import Staging
from infra.lake import Table
from models.domain.schemas import JUDGEMENTS, TIME

FRESH = pa.schema([column for column in JUDGEMENTS if column.name != "ingested_at"])
BATCH_ROWS = 20_000  # rows

# What the lake has said since stays; a judgement without a time corrects one that says otherwise.
MISSING = """
WITH held AS (FROM known UNION ALL BY NAME
    SELECT NULL::INTEGER AS votes, NULL::INTEGER AS violating, NULL::BOOLEAN AS withdrawn WHERE false)
SELECT fresh.*, held.post_id IS NOT NULL AS again
FROM {fresh} AS fresh LEFT JOIN held ON fresh.post_id = held.post_id AND fresh.policy = held.policy
    AND fresh.moderator_id = held.moderator_id AND fresh.source = held.source
WHERE held.post_id IS NULL OR (
    coalesce(fresh.decided_at >= held.decided_at, true) AND (held.violates != fresh.violates
    OR held.votes IS DISTINCT FROM fresh.votes OR held.violating IS DISTINCT FROM fresh.violating
    OR coalesce(held.withdrawn, false) != coalesce(fresh.withdrawn, false)
    OR (fresh.decided_at IS NOT NULL AND fresh.decided_at IS DISTINCT FROM held.decided_at)))
"""

LATEST = """
CREATE OR REPLACE TEMP TABLE latest AS SELECT * FROM fresh
QUALIFY row_number() OVER (PARTITION BY post_id, policy, source, moderator_id ORDER BY decided_at DESC NULLS LAST) = 1
"""


@dataclass
class Votes:
    """The judgements of one staging; `count` is how many there are, once they were read."""

    staging: Staging
    settled: Settled
    count: int = 0

    def missing(self, connection: duckdb.DuckDBPyConnection, table: Table) -> Iterator[pa.RecordBatch]:
        """Judgements that the table lacks or, where the last column `again` is true, has otherwise."""
        alone = not self.staging.posts
        if table.is_empty() and not alone:
            for batch in self._all():
                yield batch.append_column("again", pa.repeat(False, len(batch)))
            return
        connection.register("known", self._known(table))
        connection.register("fresh", pa.RecordBatchReader.from_batches(FRESH, self._all()))
        if alone:
            connection.execute(LATEST)  # rows of one file may be about one post: a person's latest counts
            (self.count,) = connection.sql("SELECT count(*) FROM latest").fetchall()[0]
        yield from connection.sql(MISSING.format(fresh="latest" if alone else "fresh")).to_arrow_reader(
            BATCH_ROWS
        )

    def _known(self, table: Table) -> pa.RecordBatchReader:
        """The lake's judgements of the sources met, with what an older table has of their columns."""
        if table.is_empty():
            return pa.RecordBatchReader.from_batches(FRESH, [])
        held = table.open()
        met = ", ".join(f"'{source}'" for source in sorted(self.staging.labels.sources))
        columns = [name for name in FRESH.names if name in held.schema.names]
        condition = f"source IN ({met})" if met else "false"
        return table.holding(self.staging.count, self.staging.ids, columns, condition)

    def _all(self) -> Iterator[pa.RecordBatch]:
        for indices, batch in self.staging.batches("post_id", "code"):
            keep = ~np.isin(indices, self.settled.dropped)
            kept = batch if keep.all() else batch.filter(pa.array(keep))
            codes = batch["code"].to_numpy().copy()
            for index, code in self._more(indices):
                codes[index] = code
            votes = self.staging.labels.judgements(kept["post_id"], codes[keep])
            self.count += len(votes)
            yield from votes.select(FRESH.names).cast(FRESH).to_batches()

    def _more(self, indices: np.ndarray) -> Iterator[tuple[int, int]]:
        """Rows of the batch whose twins add labels, by their place in it."""
        for index, code in self.settled.codes.items():
            if indices[0] <= index <= indices[-1]:
                yield index - int(indices[0]), code


def judged(batch: pa.RecordBatch, now: datetime) -> pa.RecordBatch:
    """The batch as the judgements table holds it."""
    made = {"ingested_at": moments(now, len(batch))}
    columns = [made[name] if name in made else batch.column(name) for name in JUDGEMENTS.names]
    return pa.RecordBatch.from_arrays(columns, schema=JUDGEMENTS)


def moments(now: datetime, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(now, TIME), count)
