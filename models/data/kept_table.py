"""What is computed once of a content and kept: a Lance table whose rows have the content's digest for a key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby

import lance
import pyarrow as pa
from lance.commit import CommitConflictError

from models.domain.errors import is_overtaken, says_absent

KEY_DIGITS = 32  # of a SHA-256
MIN_INDEXED_ROWS = 10_000  # of a table: a smaller one is read whole in milliseconds
LARGE_FILE_ROWS = 50_000  # of a file that is left as it is: smaller ones become one when they hold as many
SMALL_FILES = 64  # or when there are more of them
KEPT_VERSIONS = timedelta(hours=1)  # a reader may still be at one that another process has tidied away
ROWS_A_KEY = 50  # of a table: with fewer for each key that is looked for, it is read whole
KEYS_AT_ONCE = 5_000  # in one condition


def key_of(content: str | bytes) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()[:KEY_DIGITS]


@dataclass(frozen=True)
class KeptTable:
    """At an address, where it need not be yet. Two processes that add the same at once keep it twice, which costs room
    alone.
    """

    address: str
    storage_options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def opened(self) -> lance.LanceDataset | None:
        try:
            return lance.dataset(self.address, storage_options=self._options)
        except (ValueError, FileNotFoundError) as error:
            if says_absent(error):
                return None
            raise

    def rows(self, keys: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Rows that may have one of the keys: those that have, where the keys are few, else all.

        Without an index too the other columns, which are far larger, are read of those alone.
        """
        dataset = self.opened()
        if dataset is None or not keys:
            return
        if len(keys) * ROWS_A_KEY > dataset.count_rows():
            yield from dataset.to_batches()
            return
        for first in range(0, len(keys), KEYS_AT_ONCE):
            told = ", ".join(f"'{key}'" for key in keys[first : first + KEYS_AT_ONCE])  # hexadecimal digits
            yield from dataset.to_batches(filter=f"key IN ({told})")

    def add(self, rows: pa.Table) -> None:
        mode = "append" if self.opened() else "create"
        try:
            lance.write_dataset(rows, self.address, mode=mode, storage_options=self._options)
        except OSError:
            if mode == "append" or not self.opened():
                raise
            # made meanwhile
            lance.write_dataset(rows, self.address, mode="append", storage_options=self._options)

    def tidy(self) -> None:
        """Small files become large ones, and the keys of a table that has grown an index.

        Old versions go first: the files that are merged here stay for whoever reads them now, until the next time.
        """
        dataset = self.opened()
        if dataset is None or not _is_scattered(dataset):
            return
        with _giving_way():
            dataset.cleanup_old_versions(older_than=KEPT_VERSIONS, error_if_tagged_old_versions=False)
        with _giving_way():
            dataset.optimize.compact_files(target_rows_per_fragment=LARGE_FILE_ROWS)
        if dataset.count_rows() >= MIN_INDEXED_ROWS:
            with _giving_way():
                _index(dataset)

    @property
    def _options(self) -> dict[str, str] | None:
        return dict(self.storage_options) or None


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
