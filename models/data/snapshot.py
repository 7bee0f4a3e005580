"""A snapshot as training reads it: a Lance dataset whose rows are grouped by split."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Self

import lance
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.domain.errors import UserError, says_absent
from models.domain.schemas import SPLITS, snapshot_schema

HEADER = b"moderato"  # in a dataset's schema: what the snapshot says of itself, as JSON


class NotASnapshotError(UserError):
    """A dataset that no snapshot step wrote."""


class EmptySplitError(UserError):
    """A split that training needs has no rows."""


def header(dataset: lance.LanceDataset) -> dict[str, Any]:
    """Its id, policy_set, policy_digest, policies, counts and seed, as it says; raises NotASnapshotError."""
    written = (dataset.schema.metadata or {}).get(HEADER)
    if written is None:
        raise NotASnapshotError(
            f"{dataset.uri} is a Lance dataset but no snapshot: its schema carries no {HEADER!r}"
        )
    return dict(json.loads(written))


def headed(about: Mapping[str, Any]) -> pa.Schema:
    """The schema of a snapshot that says this of itself."""
    return snapshot_schema(about["policies"]).with_metadata({HEADER: json.dumps(about).encode()})


@dataclass(frozen=True)
class SnapshotRows:
    """Rows of one snapshot, fetched by position."""

    dataset: lance.LanceDataset = field(repr=False)
    uri: str
    id: str
    policies: tuple[str, ...]
    counts: dict[str, int]

    @classmethod
    def open(cls, uri: str, storage_options: dict[str, str] | None = None) -> Self:
        """Raises NotASnapshotError where `uri` holds something else."""
        try:
            dataset = lance.dataset(uri, storage_options=storage_options or None)
        except (ValueError, FileNotFoundError) as error:
            if not says_absent(error):
                raise
            raise NotASnapshotError(
                f"there is no snapshot at {uri}; cut one with `moderato retrain`"
            ) from None
        about = header(dataset)
        return cls(dataset, uri, about["id"], tuple(about["policies"]), about["counts"])

    def positions(self, split: str) -> NDArray[np.int64]:
        """Where the rows of a split lie; raises EmptySplitError."""
        sizes = [int(self.counts.get(name, 0)) for name in SPLITS]
        end = list(accumulate(sizes))[SPLITS.index(split)]
        size = sizes[SPLITS.index(split)]
        if not size:
            raise EmptySplitError(
                f"snapshot {self.id} has no rows to {split} on: {self.counts}; ingest more posts"
            )
        return np.arange(end - size, end)

    def take(self, positions: Sequence[int] | NDArray[np.int64], *columns: str) -> pa.Table:
        """The rows in the order of `positions`."""
        return self.dataset.take(list(map(int, positions)), columns=list(columns))

    def batches(self, split: str, rows: int, *columns: str) -> Iterator[pa.RecordBatch]:
        """A split from first row to last, in bounded memory."""
        where = self.positions(split)
        scan = self.dataset.to_batches(
            columns=list(columns), offset=int(where[0]), limit=len(where), batch_size=rows, scan_in_order=True
        )
        yield from scan


def matrix(column: pa.Array | pa.ChunkedArray, width: int) -> NDArray[np.float32]:
    """A column of fixed-size lists as [N, width]."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return column.flatten().to_numpy(zero_copy_only=False).reshape(-1, width).astype(np.float32)
