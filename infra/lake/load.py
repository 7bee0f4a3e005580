"""A first load: rows are written into an empty table while more of them are still being made."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from queue import Full, Queue
from typing import Self

import lance
import pyarrow as pa

from infra.lake.table import Table, Upsert

PREFETCHED_BATCHES = 1  # batches that wait for the writer; bounds memory
WRITER_CHECK_SECONDS = 1.0  # seconds after which a full queue looks whether its writer still lives


class LoadAbandonedError(Exception):
    """Makes the writer stop in the middle of its file, which is then never finished."""


class Load:
    """Nothing shows before `commit`; a load that is left without it is abandoned, as is its unfinished file."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.count = 0  # rows
        self._waiting: Queue[pa.RecordBatch | LoadAbandonedError | None] = Queue(PREFETCHED_BATCHES)
        self._pool = ThreadPoolExecutor(1)
        self._dataset: lance.LanceDataset | None = None
        self._written: Future[list[lance.FragmentMetadata]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abandon()
        self._pool.shutdown()

    def put(self, batch: pa.RecordBatch) -> None:
        """Hand one batch to the writer; the first makes the table. Raises what stopped the writer, if it did."""
        if self._written is None:
            self._dataset = self.table.create()
            self._written = self._pool.submit(self.table.write, self._dataset, self._batches())
        self.count += len(batch)
        if not self._hand(batch, self._written):
            self._written.result()

    def commit(self) -> Upsert:
        """Make all rows show at once; none for no rows. Raises what stopped the writer, if it did."""
        if self._written is None or self._dataset is None:
            return Upsert(inserted=0, updated=0)
        self._hand(None, self._written)
        return self.table.fill(self._dataset, self._written.result())

    def abandon(self) -> None:
        """Let go of what is not committed."""
        if self._written is not None:
            self._hand(LoadAbandonedError(), self._written)
            wait([self._written])

    def _hand(
        self, item: pa.RecordBatch | LoadAbandonedError | None, written: Future[list[lance.FragmentMetadata]]
    ) -> bool:
        """Whether the writer will get it; one that has ended will not."""
        while not written.done():
            with suppress(Full):
                self._waiting.put(item, timeout=WRITER_CHECK_SECONDS)
                return True
        return False

    def _batches(self) -> Iterator[pa.RecordBatch]:
        while (item := self._waiting.get()) is not None:
            if isinstance(item, LoadAbandonedError):
                raise item
            yield item
