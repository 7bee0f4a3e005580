"""A snapshot as training reads it: a Lance dataset whose rows are grouped by split."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Self, TypeVar

import lance
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.data.said import said
from models.domain.errors import UserError, says_absent
from models.domain.schemas import SPLITS, snapshot_schema

Rows = TypeVar("Rows", pa.Table, pa.RecordBatch)
TEXT = "text"
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
    """Rows of one snapshot, fetched by position; their text is what a post says (models.data.said), where `read` holds
    what was read in each row's picture and video.
    """

    dataset: lance.LanceDataset = field(repr=False)
    uri: str
    id: str
    policies: tuple[str, ...]
    counts: dict[str, int]
    read: pa.ChunkedArray | None = field(default=None, repr=False)

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
        places = list(map(int, positions))
        table = self.dataset.take(places, columns=list(columns))
        if self.read is None or TEXT not in columns:
            return table
        return _said(table, self.read.take(pa.array(places, pa.int64())))

    def batches(self, split: str, rows: int, *columns: str) -> Iterator[pa.RecordBatch]:
        """A split from first row to last, in bounded memory."""
        where = self.positions(split)
        scan = self.dataset.to_batches(
            columns=list(columns), offset=int(where[0]), limit=len(where), batch_size=rows, scan_in_order=True
        )
        if self.read is None or TEXT not in columns:
            yield from scan
            return
        first = int(where[0])
        for batch in scan:
            yield _said(batch, self.read.slice(first, len(batch)))
            first += len(batch)


def _said(rows: Rows, read: pa.ChunkedArray) -> Rows:
    place = rows.schema.get_field_index(TEXT)
    texts = map(said, rows[TEXT].to_pylist(), read.to_pylist())
    return rows.set_column(place, rows.schema.field(place), pa.array(texts, rows.schema.field(place).type))


def matrix(column: pa.Array | pa.ChunkedArray, width: int) -> NDArray[np.float32]:
    """A column of fixed-size lists as [N, width]."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return column.flatten().to_numpy(zero_copy_only=False).reshape(-1, width).astype(np.float32)
