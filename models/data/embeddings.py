"""What frozen encoders make of texts and pictures, computed once: a Lance table for each encoder, by content.

A vector belongs to a content, to an encoder and to a preprocessing; where one of them changes, it is computed anew. The
first is a row's key, the other two name the table, so that what no encoder of today reads is a folder to delete.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from typing import Protocol

import lance
import numpy as np
import pyarrow as pa
from lance.commit import CommitConflictError
from numpy.typing import NDArray

from models.data.snapshot import SnapshotRows
from models.domain.errors import is_overtaken, says_absent
from models.domain.preprocessing import PREPROCESSING

CHUNK_ITEMS = 2048  # computed between two commits: what a killed run loses at most
BLOCK_ROWS = 4096  # of a snapshot, read at once
KEY_DIGITS = 32  # of a SHA-256
MIN_INDEXED_ROWS = 100_000  # of a table: a smaller one is read whole in milliseconds
LARGE_FILE_ROWS = 50_000  # of a file that is left as it is: smaller ones become one when they hold as many
SMALL_FILES = 64  # or when there are more of them
KEPT_VERSIONS = timedelta(hours=1)  # a reader may still be at one that another process has tidied away
ROWS_A_KEY = 50  # of a table: with fewer for each key that is looked for, it is read whole
KEYS_AT_ONCE = 5_000  # in one condition

Item = str | bytes | None
Singles = NDArray[np.float32]
Done = Callable[[int, int], object]  # told how many of how many are computed


class Encodes(Protocol):
    """A frozen encoder. `digest` is of its weights and of whatever else its vectors depend on."""

    @property
    def digest(self) -> str: ...

    @property
    def width(self) -> int: ...

    @property
    def column(self) -> str:
        """What of a post it is given: text or image."""
        ...

    def __call__(self, items: Sequence[str | bytes], /) -> Singles:
        """[N, width]; zeros for what cannot be opened."""
        ...


@dataclass(frozen=True)
class Embeddings:
    """Tables below a folder or an `s3://` address, which need not be there yet."""

    uri: str
    storage_options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def of(self, items: Sequence[Item], encoder: Encodes, done: Done | None = None) -> Singles:
        """[N, width], zeros for what is missing or cannot be opened.

        What is not in the table is computed in chunks of like length, each of which is kept as soon as it is there. Two
        processes that compute the same at once keep it twice, which costs room alone.
        """
        keys = [_key(item) if item else "" for item in items]
        place = {key: row for row, key in enumerate(dict.fromkeys(key for key in keys if key))}
        found = np.zeros((len(place) + 1, encoder.width), np.float32)  # the last is that of what is missing
        missing = self._read(encoder, place, found)
        content = dict(zip(keys, items, strict=True))
        todo = sorted(missing, key=lambda key: len(content[key] or ""))
        for first in range(0, len(todo), CHUNK_ITEMS):
            chunk = todo[first : first + CHUNK_ITEMS]
            made = encoder([item for key in chunk if (item := content[key]) is not None])
            self._keep(encoder, chunk, made)
            found[[place[key] for key in chunk]] = made.astype(np.float16)  # as it is read the next time
            if done:
                done(first + len(chunk), len(todo))
        if todo:
            self._tidy(encoder)
        return found[[place.get(key, -1) for key in keys]]

    def of_rows(
        self, rows: SnapshotRows, positions: NDArray[np.int64], encoder: Encodes, done: Done | None = None
    ) -> Singles:
        """[N, width] of the rows of a snapshot at `positions`; no more than a block of them is held at once."""
        blocks = [np.zeros((0, encoder.width), np.float32)]
        for first in range(0, len(positions), BLOCK_ROWS):
            table = rows.take(positions[first : first + BLOCK_ROWS], encoder.column)
            blocks.append(self.of(table[encoder.column].to_pylist(), encoder))
            if done:
                done(min(first + BLOCK_ROWS, len(positions)), len(positions))
        return np.concatenate(blocks)

    def table(self, encoder: Encodes) -> str:
        """The address of an encoder's table."""
        return f"{self.uri.rstrip('/')}/{encoder.digest[:KEY_DIGITS]}-{PREPROCESSING}.lance"

    def held(self, encoder: Encodes) -> int:
        """How many vectors of an encoder there are."""
        dataset = self._opened(encoder)
        return dataset.count_rows() if dataset else 0

    def _opened(self, encoder: Encodes) -> lance.LanceDataset | None:
        try:
            return lance.dataset(self.table(encoder), storage_options=dict(self.storage_options) or None)
        except (ValueError, FileNotFoundError) as error:
            if says_absent(error):
                return None
            raise

    def _read(self, encoder: Encodes, place: Mapping[str, int], found: Singles) -> set[str]:
        """Fill `found` with what the table holds; the keys that it lacks."""
        missing, dataset = set(place), self._opened(encoder)
        if dataset is not None and place:
            for batch in _batches(dataset, [*place]):
                keys = batch["key"].to_pylist()
                known = [row for row, key in enumerate(keys) if key in place]
                vectors = batch["vector"].flatten().to_numpy(zero_copy_only=False).reshape(-1, encoder.width)
                found[[place[keys[row]] for row in known]] = vectors[known]
                missing -= {keys[row] for row in known}
        return missing

    def _keep(self, encoder: Encodes, keys: Sequence[str], vectors: Singles) -> None:
        values = pa.array(vectors.astype(np.float16).ravel())
        column = pa.FixedSizeListArray.from_arrays(values, encoder.width)
        schema = pa.schema(
            [
                pa.field("key", pa.string(), nullable=False),
                pa.field("vector", pa.list_(pa.float16(), encoder.width), nullable=False),
            ]
        )
        rows = pa.table([pa.array(keys, pa.string()), column], schema=schema)
        mode = "append" if self._opened(encoder) else "create"
        options = dict(self.storage_options) or None
        try:
            lance.write_dataset(rows, self.table(encoder), mode=mode, storage_options=options)
        except OSError:
            if mode == "append" or not self._opened(encoder):
                raise
            lance.write_dataset(
                rows, self.table(encoder), mode="append", storage_options=options
            )  # made meanwhile

    def _tidy(self, encoder: Encodes) -> None:
        """Small files become large ones, and the keys of a table that has grown an index.

        Old versions go first: the files that are merged here stay for whoever reads them now, until the next time.
        """
        dataset = self._opened(encoder)
        if dataset is None or not _is_scattered(dataset):
            return
        with _giving_way():
            dataset.cleanup_old_versions(older_than=KEPT_VERSIONS, error_if_tagged_old_versions=False)
        with _giving_way():
            dataset.optimize.compact_files(target_rows_per_fragment=LARGE_FILE_ROWS)
        if dataset.count_rows() >= MIN_INDEXED_ROWS:
            with _giving_way():
                _index(dataset)


@contextmanager
def _giving_way() -> Iterator[None]:
    """Another process that tidies the same table at once goes first; what that leaves undone is for the next call."""
    try:
        yield
    except (CommitConflictError, OSError) as error:
        if not is_overtaken(error):
            raise


def _is_scattered(dataset: lance.LanceDataset) -> bool:
    """Whether small files that lie side by side, which alone can be merged, are many or hold a large one's rows."""
    rows = [fragment.physical_rows for fragment in dataset.get_fragments()]
    runs = [[*run] for small, run in groupby(rows, lambda count: count < LARGE_FILE_ROWS) if small]
    small = [count for run in runs if len(run) > 1 for count in run]
    return len(small) > SMALL_FILES or sum(small) >= LARGE_FILE_ROWS


def _index(dataset: lance.LanceDataset) -> None:
    if dataset.describe_indices():
        dataset.optimize.optimize_indices()
    else:
        dataset.create_scalar_index("key", "BTREE")


def _key(item: str | bytes) -> str:
    return hashlib.sha256(item.encode() if isinstance(item, str) else item).hexdigest()[:KEY_DIGITS]


def _batches(dataset: lance.LanceDataset, keys: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Rows that may have one of the keys: by the index where those are few, else all."""
    if len(keys) * ROWS_A_KEY > dataset.count_rows() or not dataset.describe_indices():
        yield from dataset.to_batches()
        return
    for first in range(0, len(keys), KEYS_AT_ONCE):
        told = ", ".join(f"'{key}'" for key in keys[first : first + KEYS_AT_ONCE])  # hexadecimal digits
        yield from dataset.to_batches(filter=f"key IN ({told})")
