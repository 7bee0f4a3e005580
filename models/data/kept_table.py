"""What is computed once of a content and kept: a Lance table whose rows have the content's digest for a key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import lance
import pyarrow as pa

from models.domain.errors import says_absent

KEY_DIGITS = 32  # of a SHA-256
MIN_INDEXED_ROWS = 100_000  # of a table: a smaller one is read whole in milliseconds
MOST_CHUNKS = 32  # that a table is left in: each is a file, which every look opens
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
        """Rows that may have one of the keys: by the index where those are few, else all."""
        dataset = self.opened()
        if dataset is None or not keys:
            return
        if len(keys) * ROWS_A_KEY > dataset.count_rows() or not dataset.describe_indices():
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
        """Many chunks become large files, and the keys of a table that has grown an index."""
        dataset = self.opened()
        if dataset is None:
            return
        is_large = dataset.count_rows() >= MIN_INDEXED_ROWS
        if is_large or len(dataset.get_fragments()) > MOST_CHUNKS:
            dataset.optimize.compact_files()
        if not is_large:
            return
        if dataset.describe_indices():
            dataset.optimize.optimize_indices()
        else:
            dataset.create_scalar_index("key", "BTREE")

    @property
    def _options(self) -> dict[str, str] | None:
        return dict(self.storage_options) or None
