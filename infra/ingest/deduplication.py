"""Which staged rows are new to the lake, which changed, and which came twice in their file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa

from infra.ingest.labels import Labels
from infra.ingest.staging import Staging
from infra.lake import Lake
from models.domain.schemas import POSTS

KEYS = pa.schema(
    [
        pa.field("idx", pa.int64()),
        pa.field("post_id", pa.string(), nullable=False),
        pa.field("digest", pa.string(), nullable=False),
        pa.field("code", pa.int32(), nullable=False),
    ]
)

TWICE = """
SELECT idx, code, first, digest = first_digest AS same FROM (
    SELECT idx, digest, code, first_value(idx) OVER twin AS first,
        first_value(digest) OVER twin AS first_digest, row_number() OVER twin AS place
    FROM twins
    WINDOW twin AS (PARTITION BY post_id ORDER BY idx)
) WHERE place > 1 ORDER BY idx
"""

KNOWN = """
SELECT fresh.idx, known.version, fresh.digest = known.digest AS same
FROM known JOIN fresh ON fresh.post_id = known.post_id
"""


@dataclass(frozen=True)
class Settled:
    """Indices of staged rows. All other rows are new posts."""

    same: np.ndarray  # twins of an earlier row of the file
    conflicting: np.ndarray  # rows whose id an earlier row of the file has, and which contradict it
    codes: dict[int, int]  # labels of first rows, with what their twins add
    unchanged: np.ndarray  # rows that the lake holds as they are
    changed: np.ndarray  # rows that the lake holds with other content
    versions: np.ndarray  # the lake's versions of `changed`

    @property
    def dropped(self) -> np.ndarray:
        return np.concatenate([self.same, self.conflicting])


def settle(connection: duckdb.DuckDBPyConnection, lake: Lake, staging: Staging) -> Settled:
    """Compare the staged rows with each other and with the lake's posts."""
    twins = _twins(staging)
    codes = dict(zip(twins["idx"].to_pylist(), twins["code"].to_pylist(), strict=True))
    connection.register("twins", twins)
    twice = connection.sql(TWICE).fetchnumpy()
    idx, same = twice["idx"], twice["same"].astype(bool)
    more = _merged(staging.labels, codes, twice, same)
    known = _known(connection, lake, staging)
    keep = ~np.isin(known["idx"], idx)
    found, version, alike = known["idx"][keep], known["version"][keep], known["same"][keep].astype(bool)
    order = np.argsort(found[~alike])
    return Settled(idx[same], idx[~same], more, found[alike], found[~alike][order], version[~alike][order])


def _twins(staging: Staging) -> pa.Table:
    """The rows whose id another row may have, too: few, so that only they are compared in full."""
    hashes = np.concatenate([*staging.hashes, np.empty(0, np.uint64)])
    ordered = np.sort(hashes)
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    suspects = np.flatnonzero(np.isin(hashes, repeated)) if len(repeated) else np.empty(0, np.int64)
    return pa.Table.from_batches(_keys(staging, suspects) if len(suspects) else [], KEYS)


def _keys(staging: Staging, among: np.ndarray | None = None) -> Iterator[pa.RecordBatch]:
    """Index, id, digest and label code of staged rows, all of them or those with the given indices."""
    for indices, batch in staging.batches("post_id", "digest", "code"):
        columns = [pa.array(indices), batch["post_id"], batch["digest"], batch["code"]]
        keys = pa.RecordBatch.from_arrays(columns, schema=KEYS)
        yield keys if among is None else keys.filter(pa.array(np.isin(indices, among)))


def _merged(
    labels: Labels, codes: dict[int, int], twice: dict[str, np.ndarray], same: np.ndarray
) -> dict[int, int]:
    """The labels of rows whose twins say more; a twin that says otherwise is no longer the same."""
    merged = dict(codes)
    for place in np.flatnonzero(same):
        first, code = int(twice["first"][place]), int(twice["code"][place])
        together = labels.merged(merged[first], code)
        if together is None:
            same[place] = False
        else:
            merged[first] = together
    return {index: code for index, code in merged.items() if code != codes[index]}


def _known(connection: duckdb.DuckDBPyConnection, lake: Lake, staging: Staging) -> dict[str, np.ndarray]:
    """Of the staged rows that the lake's posts hold: index, the lake's version, whether the content is the same."""
    if lake.posts.is_empty():
        return {"idx": np.empty(0, np.int64), "version": np.empty(0, np.int32), "same": np.empty(0, bool)}
    known = lake.posts.holding(staging.count, staging.ids, ["post_id", "digest", "version"])
    connection.register("known", known)
    connection.register("fresh", pa.RecordBatchReader.from_batches(KEYS, _keys(staging)))
    found: dict[str, np.ndarray] = connection.sql(KNOWN).fetchnumpy()
    return found


def posts(staging: Staging, settled: Settled, now: datetime) -> Iterator[pa.RecordBatch]:
    """New and changed posts, in the order of the file."""
    leave = np.concatenate([settled.dropped, settled.unchanged])
    for indices, batch in staging.batches():
        keep = ~np.isin(indices, leave)
        if not keep.any():
            continue
        version = np.ones(len(indices), np.int32)
        again = np.isin(settled.changed, indices)
        version[settled.changed[again] - indices[0]] = settled.versions[again] + 1
        rows = post_rows(batch, version, staging.source, now)
        yield rows if keep.all() else rows.filter(pa.array(keep))


def post_rows(batch: pa.RecordBatch, version: np.ndarray, source: str, now: datetime) -> pa.RecordBatch:
    """Staged rows as the posts table holds them."""
    count = len(batch)
    made = {
        "source": pa.repeat(source, count),
        "version": pa.array(version),
        "ingested_at": pa.repeat(pa.scalar(now, POSTS.field("ingested_at").type), count),
    }
    columns = [made[name] if name in made else batch.column(name) for name in POSTS.names]
    return pa.RecordBatch.from_arrays(columns, schema=POSTS)
