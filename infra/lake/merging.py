"""Upserts that read only what they may meet: the rows of the same keys, by index where those are few.

Lance's own merge_insert reads the key columns of the whole table and holds them in memory or, with an index on its
key, no longer sees that another writer inserts the same row at once, which leaves that row twice. So the rows that
are replaced are looked up here, and taken out in the commit that brings the new ones. That commit also names the
table's first file as touched, changed or not: of two upserts at once Lance then lets one through, and the other looks
again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from tempfile import gettempdir

import lance
import pyarrow as pa
from lance.commit import CommitConflictError
from lance.file import LanceFileReader

from infra.lake.conditions import among
from infra.lake.indexes import is_indexed
from models.domain.errors import is_overtaken

KEYS_AT_ONCE = 20_000  # in one condition
ROWS_A_KEY = 200  # of a table: with fewer for each key that is looked up, it is quicker read whole
ADDRESS = "_rowaddr"  # of a row: its file's number, and its place in the file in the lower 32 bits
PLACE_BITS = 32
BATCH_ROWS = 100_000
PATIENCE_SECONDS = 60.0  # with other writers
MAX_PAUSE_SECONDS = 0.2  # between two attempts

MET = """
SELECT held._rowaddr FROM held JOIN fresh ON {same}
"""


class RepeatedKeyError(ValueError):
    """Two rows of one upsert replace the same row."""


def is_few(dataset: lance.LanceDataset, column: str, count: int) -> bool:
    """Whether so many keys are quicker looked up in the column's index than found by reading the table."""
    few = count <= KEYS_AT_ONCE and count * ROWS_A_KEY <= dataset.count_rows()
    return few and is_indexed(dataset, column)


def merged(
    open_table: Callable[[], lance.LanceDataset],
    fragments: list[lance.FragmentMetadata],
    keys: tuple[str, ...],
    column: str,
    storage_options: dict[str, str],
) -> int:
    """Commit rows that were written as `fragments`, which take the place of those with the same keys; how many those
    were.

    column: the key by which rows are looked up. Raises RepeatedKeyError, and CommitConflictError where other writers
    go first for PATIENCE_SECONDS.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        dataset = open_table()
        fresh = Fresh(dataset.uri, fragments, storage_options)
        met = addresses_met(dataset, fresh, keys, column)
        try:
            _commit(dataset, fragments, met, storage_options)
        except (CommitConflictError, OSError) as error:
            if not is_overtaken(error) or time.monotonic() > end:
                raise
            time.sleep(random.uniform(0, MAX_PAUSE_SECONDS))  # noqa: S311 - no secret
        else:
            return len(met)


class Fresh:
    """Rows in files of a table that belong to no version of it yet."""

    def __init__(
        self, uri: str, fragments: list[lance.FragmentMetadata], storage_options: dict[str, str]
    ) -> None:
        self.uri, self.fragments, self.storage_options = uri, fragments, storage_options

    @property
    def count(self) -> int:
        return sum(fragment.physical_rows for fragment in self.fragments)

    def columns(self, names: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
        for fragment in self.fragments:
            for file in fragment.files:
                path = f"{self.uri}/data/{file.path}"
                reader = LanceFileReader(path, self.storage_options or None, columns=list(names))
                yield from reader.read_all(batch_size=BATCH_ROWS).to_batches()


def addresses_met(dataset: lance.LanceDataset, fresh: Fresh, keys: tuple[str, ...], column: str) -> list[int]:
    """Addresses of the table's rows whose keys the fresh rows have, too. Raises RepeatedKeyError."""
    import duckdb

    condition = None
    if is_few(dataset, column, fresh.count):
        values = {value.as_py() for batch in fresh.columns((column,)) for value in batch[column]}
        condition = among(column, sorted(values))
    held = dataset.scanner(
        columns=list(keys), filter=condition, with_row_address=True, batch_size=BATCH_ROWS
    ).to_reader()
    schema = pa.schema([dataset.schema.field(key) for key in keys])
    brought = pa.RecordBatchReader.from_batches(
        schema, (batch.select(keys).cast(schema) for batch in fresh.columns(keys))
    )
    with duckdb.connect(config={"threads": 1, "temp_directory": gettempdir()}) as connection:
        # joined as written: the table is read past the fresh rows, which alone are held in memory
        connection.execute("SET enable_progress_bar = false")  # it would go to standard output
        connection.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
        connection.register("held", held)
        connection.register("fresh", brought)
        same = " AND ".join(f'held."{key}" = fresh."{key}"' for key in keys)
        found = connection.sql(MET.format(same=same)).fetchnumpy()[ADDRESS]
    addresses = sorted({*found.tolist()})
    if len(addresses) < len(found):
        raise RepeatedKeyError(f"{dataset.uri}: several rows of one write have the same {', '.join(keys)}")
    return addresses


def _commit(
    dataset: lance.LanceDataset,
    fragments: list[lance.FragmentMetadata],
    met: list[int],
    storage_options: dict[str, str],
) -> None:
    """In one commit: rows at the addresses go, those of the fragments come. Raises CommitConflictError."""
    gone: dict[int, list[int]] = {}
    for address in met:
        gone.setdefault(address >> PLACE_BITS, []).append(address)
    touched, emptied = [], []
    for place, fragment in enumerate(dataset.get_fragments()):
        addresses = gone.get(fragment.fragment_id)
        left = fragment.delete(_at(addresses)) if addresses else fragment.metadata
        if left is None:
            emptied.append(fragment.fragment_id)
        elif addresses or not place:
            touched.append(left)
    change = lance.LanceOperation.Update(
        removed_fragment_ids=emptied, updated_fragments=touched, new_fragments=fragments
    )
    lance.LanceDataset.commit(
        dataset.uri, change, read_version=dataset.version, storage_options=storage_options or None
    )


def _at(addresses: list[int]) -> str:
    """The condition of rows at sorted addresses; a run of many is two bounds, as when a file comes again changed."""
    first, last = addresses[0], addresses[-1]
    if last - first == len(addresses) - 1:
        return f"{ADDRESS} >= {first} AND {ADDRESS} <= {last}"
    return f"{ADDRESS} IN ({', '.join(map(str, addresses))})"
