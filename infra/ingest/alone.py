"""Judgements without their posts, as a queue exports them: rows of one file may be about one post."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa

from infra.ingest.deduplication import Settled
from infra.ingest.notes import Notes
from infra.ingest.staging import Staging
from infra.ingest.votes import FRESH
from infra.lake import Lake

CONTRADICTING = """
SELECT DISTINCT idx FROM (
    SELECT idx, said IS DISTINCT FROM first_value(said) OVER same AS otherwise
    FROM (SELECT *, (violates, votes, violating, coalesce(withdrawn, false)) AS said FROM fresh)
    WINDOW same AS (PARTITION BY post_id, policy, source, moderator_id, decided_at ORDER BY idx)
) WHERE otherwise ORDER BY idx
"""
WITHOUT_POST = """
SELECT post_id FROM (SELECT DISTINCT post_id FROM fresh) ANTI JOIN known USING (post_id) ORDER BY post_id
"""
IDS = pa.schema([FRESH.field("post_id")])
MAX_IDS = 3  # ids of posts that are not there


def settle_alone(connection: duckdb.DuckDBPyConnection, staging: Staging) -> Settled:
    """No posts; rows that say otherwise than an earlier one of the same person at the same time contradict it."""
    schema = FRESH.append(pa.field("idx", pa.int64()))
    connection.register("fresh", pa.RecordBatchReader.from_batches(schema, _judgements(staging)))
    found = connection.sql(CONTRADICTING).fetchnumpy()["idx"]
    none = np.empty(0, np.int64)
    return Settled(none, found, {}, none, none, np.empty(0, np.int32))


def tell_unknown(connection: duckdb.DuckDBPyConnection, lake: Lake, staging: Staging, notes: Notes) -> None:
    """Note how many of the judged posts the lake does not hold: their judgements wait for them."""
    known = pa.RecordBatchReader.from_batches(IDS, [])
    if not lake.posts.is_empty():
        known = lake.posts.holding(staging.count, staging.ids, ["post_id"])
    ids = (batch.select(["post_id"]).cast(IDS) for _, batch in staging.batches("post_id"))
    connection.register("known", known)
    connection.register("fresh", pa.RecordBatchReader.from_batches(IDS, ids))
    missing = connection.sql(WITHOUT_POST).fetchnumpy()["post_id"]
    if len(missing):
        told = ", ".join(map(str, missing[:MAX_IDS]))
        notes.add("judged_post_not_in_lake", f"as {told}; bring the posts, too", len(missing))


def _judgements(staging: Staging) -> Iterator[pa.RecordBatch]:
    """All judgements of the staged rows, with the index of the row that each is from."""
    for indices, batch in staging.batches("post_id", "code"):
        places = pa.array(np.arange(len(indices)))
        votes = staging.labels.judgements(places, batch["code"].to_numpy())
        rows = votes["post_id"]
        ids = batch["post_id"].take(rows.combine_chunks())
        named = votes.set_column(0, FRESH.field("post_id"), ids).select(FRESH.names).cast(FRESH)
        yield from named.append_column("idx", pa.array(indices).take(rows.combine_chunks())).to_batches()
