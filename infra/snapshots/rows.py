"""The snapshot's rows on their way to Lance: in order, a batch at a time, contents taken by row id."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import duckdb
import lance
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.lake import Door
from models.data.snapshot import headed
from models.domain.policy import PolicySet
from models.domain.schemas import POST_FIELDS, SPLITS

_BATCH_ROWS = 8192  # of posts in a batch, where their contents are small
_BATCH_BYTES = 32 << 20
_COLUMN_BYTES = 1 << 20  # that Lance gathers of each column before it writes a page
_ORDERED = "SELECT row, cluster, split, fields, votes, violating FROM ordered"


def content_id(connection: duckdb.DuckDBPyConnection, salt: bytes) -> str:
    """16 hex digits of a SHA-256 over `salt` and every row's fields, cluster, split and votes, in order."""
    digest = hashlib.sha256(salt)
    for batch in connection.sql(_ORDERED).to_arrow_reader(_BATCH_ROWS):
        digest.update(b"".join(batch.column("fields").to_pylist()))
        for name in ("cluster", "split"):
            digest.update(np.ascontiguousarray(batch.column(name).to_numpy(), dtype="<i8").tobytes())
        for name in ("votes", "violating"):
            digest.update(_matrix(batch.column(name)).astype("<i4").tobytes())
    return digest.hexdigest()[:16]


def write(
    connection: duckdb.DuckDBPyConnection, posts: lance.LanceDataset, uri: str, head: dict[str, Any],
    storage_options: dict[str, str] | None,
) -> None:  # fmt: skip
    """Write the table `ordered` with its posts' contents to `uri`, in one commit. Raises UnfitRowsError."""
    schema = headed(head)
    ordered = connection.sql(_ORDERED).to_arrow_reader(_batch_rows(connection))
    written = partial(
        lance.write_dataset,
        uri=uri,
        mode="create",
        storage_options=storage_options,
        data_cache_bytes=_COLUMN_BYTES,
    )
    Door(schema, uri).through(_rows(ordered, posts, schema), written)


def _batch_rows(connection: duckdb.DuckDBPyConnection) -> int:
    """As many rows as have _BATCH_BYTES of content; few large takes are faster than many small ones."""
    (mean,) = connection.sql("SELECT avg(bytes) FROM ordered").fetchall()[0]
    return int(np.clip(_BATCH_BYTES / max(mean, 1), 64, _BATCH_ROWS))


def _rows(
    ordered: pa.RecordBatchReader, posts: lance.LanceDataset, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    columns = [field.name for field in POST_FIELDS]
    for batch in ordered:
        rows = batch.column("row").cast(pa.uint64())
        # By row id: `take` counts places, which is slow where the table has deleted rows.
        contents = posts._take_rows(rows, columns=columns).combine_chunks()  # noqa: SLF001
        votes, violating = _matrix(batch.column("votes")), _matrix(batch.column("violating"))
        labels = np.where(votes > 0, violating / np.maximum(votes, 1), np.nan).astype(np.float32)
        width = votes.shape[1]
        split = pa.array(np.asarray(SPLITS)[batch.column("split").to_numpy()], pa.string())
        added = [
            pc.or_(contents["image"].is_valid(), contents["video"].is_valid()).combine_chunks(),
            batch.column("cluster"),
            split,
            pa.FixedSizeListArray.from_arrays(pa.array(labels.ravel()), width),
            pa.FixedSizeListArray.from_arrays(pa.array(votes.ravel(), pa.int32()), width),
        ]
        arrays = [contents.column(name).combine_chunks() for name in columns] + added
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _matrix(lists: pa.Array) -> np.ndarray[Any, np.dtype[np.int32]]:
    flat = lists.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat, dtype=np.int32).reshape(len(lists), -1)


def describe(identity: str, policy_set: PolicySet, counts: dict[str, int], seed: int) -> dict[str, Any]:
    return {
        "id": identity,
        "policy_set": policy_set.name,
        "policy_digest": policy_set.digest,
        "policies": list(policy_set.keys),
        "counts": counts,
        "seed": seed,
    }
