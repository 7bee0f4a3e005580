"""Staged labels as rows of the judgements table, those left out that the lake holds as they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa

from infra.ingest.settling import Settled
from infra.ingest.staging import Staging
from infra.lake import Table
from models.content import JudgementSource
from models.schemas import JUDGEMENTS, TIME

FRESH = pa.schema([JUDGEMENTS.field(name) for name in ("post_id", "policy", "moderator_id", "violates")])
BATCH = 20_000  # rows

MISSING = """
SELECT fresh.*, known.post_id IS NOT NULL AS again
FROM fresh LEFT JOIN known ON fresh.post_id = known.post_id AND fresh.policy = known.policy
    AND fresh.moderator_id = known.moderator_id
WHERE known.post_id IS NULL OR known.violates != fresh.violates
"""


@dataclass
class Votes:
    """The judgements of one staging; `count` is how many there are, once they were read."""

    staging: Staging
    settled: Settled
    count: int = 0

    def missing(self, connection: duckdb.DuckDBPyConnection, table: Table) -> Iterator[pa.RecordBatch]:
        """Judgements that the table lacks or, where the last column `again` is true, has otherwise."""
        if table.is_empty():
            for batch in self._all():
                yield batch.append_column("again", pa.repeat(False, len(batch)))
            return
        imported = f"source = '{JudgementSource.IMPORT}'"
        known = table.open().scanner(columns=FRESH.names, filter=imported)
        connection.register("known", known.to_reader())
        connection.register("fresh", pa.RecordBatchReader.from_batches(FRESH, self._all()))
        yield from connection.sql(MISSING).to_arrow_reader(BATCH)

    def _all(self) -> Iterator[pa.RecordBatch]:
        for indices, batch in self.staging.batches("post_id", "code"):
            keep = ~np.isin(indices, self.settled.dropped)
            kept = batch if keep.all() else batch.filter(pa.array(keep))
            codes = batch["code"].to_numpy().copy()
            for index, code in self._more(indices):
                codes[index] = code
            votes = self.staging.labels.judgements(kept["post_id"], codes[keep])
            self.count += len(votes)
            yield from votes.cast(FRESH).to_batches()

    def _more(self, indices: np.ndarray) -> Iterator[tuple[int, int]]:
        """Rows of the batch whose twins add labels, by their place in it."""
        for index, code in self.settled.codes.items():
            if indices[0] <= index <= indices[-1]:
                yield index - int(indices[0]), code


def judged(batch: pa.RecordBatch, now: datetime) -> pa.RecordBatch:
    """The batch as the judgements table holds it."""
    made = {
        "source": pa.repeat(str(JudgementSource.IMPORT), len(batch)),
        "decided_at": pa.nulls(len(batch), TIME),
        "ingested_at": moments(now, len(batch)),
    }
    columns = [made[name] if name in made else batch.column(name) for name in JUDGEMENTS.names]
    return pa.RecordBatch.from_arrays(columns, schema=JUDGEMENTS)


def moments(now: datetime, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(now, TIME), count)
