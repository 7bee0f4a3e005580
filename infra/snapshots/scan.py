"""One pass over the lake's posts: what joins, clusters and orders them, without their contents.

The result is a DuckDB table on disk, so that memory does not grow with the lake, and a file of sketches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import lance
import numpy as np
import pyarrow as pa

from infra.snapshots.minhash import WIDTH, Sketches, picture_hash, sketch

BATCH_ROWS = 8192
BATCH_BYTES = 32 << 20
MEMORY_LIMIT = "256MB"  # DuckDB spills beyond it
READING_LIMIT = "64MB"  # of what it keeps in memory of tables that are only read

_COMPUTED = {"has_media": "image IS NOT NULL OR video IS NOT NULL"}
_CONTENT = ("post_id", "author_id", "market", "language", "created_at", "text", "image", "video", "views")

# Names are kept as hashes: numbers join and sort in a fraction of the memory.
_SURVEYED = """
CREATE TABLE surveyed AS
SELECT ordinal, _rowid AS row, md5_number(post_id) AS post, md5_number_lower(author_id) AS author,
       epoch_us(created_at) AS created, picture,
       coalesce(strlen(text), 0) + coalesce(octet_length(image), 0) + coalesce(octet_length(video), 0) AS bytes,
       unhex(content) AS content,
       unhex(sha256(concat_ws(chr(31), post_id, coalesce(author_id, chr(30)), market, language,
           coalesce(epoch_us(created_at)::VARCHAR, ''), views::VARCHAR, content))[:32]) AS fields
FROM (SELECT *, sha256(sha256(coalesce(text, '')) || sha256(coalesce(image, ''::BLOB))
                       || sha256(coalesce(video, ''::BLOB)))[:32] AS content FROM batches)
"""


@contextmanager
def workbench(workspace: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """A database that spills to disk, and where sketches go: both in `workspace`, and gone afterwards."""
    workspace.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="cut-", dir=workspace) as folder:
        connection = _connected(Path(folder))
        try:
            yield connection, Path(folder) / "sketches"
        finally:
            connection.close()


def _connected(workspace: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(workspace / "cut.duckdb"))
    connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
    connection.execute("SET temp_directory = ?", [str(workspace / "spill")])
    connection.execute("SET threads = 2")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET enable_progress_bar = false")
    return connection


def batches(table: lance.LanceDataset, columns: Sequence[str], condition: str = "") -> pa.RecordBatchReader:
    """The table's rows that meet the condition, in order with `_rowid`, a few megabytes at a time.

    The column `has_media` says whether a post has an image or a video; a snapshot holds it.
    """
    stored = set(table.schema.names)
    scanner = table.scanner(
        columns={name: name if name in stored else _COMPUTED[name] for name in columns}, with_row_id=True,
        filter=condition or None,
        batch_size=BATCH_ROWS, batch_size_bytes=BATCH_BYTES,
        batch_readahead=2, fragment_readahead=1, io_buffer_size=2 * BATCH_BYTES,
    )  # fmt: skip
    return scanner.to_reader()


def survey(connection: duckdb.DuckDBPyConnection, posts: lance.LanceDataset, sketches: Path) -> None:
    """Fill the table `surveyed` and the file `sketches` with a row for each post, in the lake's order."""
    reader = batches(posts, _CONTENT)
    extra = [pa.field("ordinal", pa.int64()), pa.field("picture", pa.uint64())]
    schema = pa.schema([*reader.schema, *extra])
    with sketches.open("wb") as file, ThreadPoolExecutor(2) as pool:
        sketched = pa.RecordBatchReader.from_batches(schema, _sketched(reader, file.write, pool, schema))
        connection.register("batches", sketched)
        connection.execute(_SURVEYED)
    connection.unregister("batches")


def _sketched(
    reader: pa.RecordBatchReader, write: object, pool: ThreadPoolExecutor, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    start = 0
    for batch in reader:
        images = batch.column("image")
        pictures = np.fromiter(pool.map(_picture, images), np.uint64, len(batch))
        ordinals = np.arange(start, start + len(batch))
        alone = np.where(pictures > 0, pictures, ordinals.astype(np.uint64))
        write(sketch(batch.column("text"), alone).tobytes())  # type: ignore[operator]
        yield pa.RecordBatch.from_arrays(
            [*batch.columns, pa.array(ordinals), pa.array(pictures)], schema=schema
        )
        start += len(batch)


def _picture(image: pa.Scalar) -> int:
    return picture_hash(image.as_py()) if image.is_valid else 0


def read_sketches(path: Path, ordinals: np.ndarray) -> Sketches:
    """The sketches [N, WIDTH] of some posts."""
    return np.ascontiguousarray(np.memmap(path, np.uint8, "r").reshape(-1, WIDTH)[ordinals])
