"""Good rows of one file, put aside on disk until it is known which of them the lake lacks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.ingest.labels import Labels
from infra.ingest.lines import BadLineError
from infra.ingest.media import Fetch, checked_image, checked_video, named
from infra.ingest.reading import Rows
from infra.ingest.reject import Reject
from models.schemas import POST_FIELDS

STAGED = pa.schema(
    [
        *POST_FIELDS,
        pa.field("digest", pa.string(), nullable=False),
        pa.field("code", pa.int32(), nullable=False),  # of the labels
        pa.field("row", pa.int64(), nullable=False),
    ]
)

MEDIA = {"image": checked_image, "video": checked_video}
REJECTS = 'CREATE OR REPLACE TEMP TABLE rejects (file VARCHAR, "row" BIGINT, reason VARCHAR, detail VARCHAR)'


@dataclass
class Staging:
    """Good rows in an Arrow file, bad ones in DuckDB's table `rejects`."""

    path: Path
    connection: duckdb.DuckDBPyConnection
    source: str
    file: str
    labels: Labels
    fetch: Fetch
    also: Callable[[pa.Table], None] | None = None  # takes rows as they are put aside
    count: int = 0  # rows put aside
    seen: int = 0  # rows read
    hashes: list[np.ndarray] = field(default_factory=list)  # of the ids put aside, a piece each
    names: list[str] = field(default_factory=list)  # of each row put aside, where each is a file of its own

    def fill(self, pieces: Iterator[Rows]) -> Iterator[int]:
        """Take all pieces; gives the bytes of each as it is done."""
        self.connection.execute(REJECTS)
        with pa.OSFile(str(self.path), "wb") as sink, pa.ipc.new_stream(sink, STAGED) as writer:
            for piece in pieces:
                self.seen += piece.seen
                self._add(piece, writer)
                yield piece.size

    def file_of(self, index: int) -> str:
        return self.names[index] if self.names else self.file

    def batches(self, *columns: str) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
        """The rows put aside, with their indices; all columns unless some are named."""
        chosen = [STAGED.get_field_index(name) for name in columns] or None
        options = pa.ipc.IpcReadOptions(included_fields=chosen)
        start = 0
        with pa.OSFile(str(self.path), "rb") as source, pa.ipc.open_stream(source, options=options) as reader:
            for batch in reader:
                yield np.arange(start, start + len(batch)), batch
                start += len(batch)

    def refuse(self, rejects: Sequence[Reject]) -> None:
        if not rejects:
            return
        columns = list(zip(*rejects, strict=True))
        self.connection.register("piece", pa.table(columns, names=list(Reject._fields)))
        self.connection.execute("INSERT INTO rejects FROM piece")
        self.connection.unregister("piece")

    def _add(self, piece: Rows, writer: pa.ipc.RecordBatchStreamWriter) -> None:
        faults: dict[int, BadLineError] = {}
        codes = self._codes(piece.table["labels"], faults)
        media = {name: self._media(piece.table, name, faults) for name in MEDIA}
        for at, fault in sorted(faults.items()):
            file = piece.names[at] if piece.names else self.file
            piece.bad.append(Reject(file, int(piece.rows[at]), *fault.args))
        self.refuse(piece.bad)
        keep = np.ones(len(codes), bool)
        keep[list(faults)] = False
        rows = self._rows(piece, codes, media)
        rows = rows.filter(pa.array(keep)) if faults else rows
        for batch in rows.to_batches():
            writer.write_batch(batch)
        if self.also:
            self.also(rows)
        self.count += len(rows)
        self.hashes.append(self._hashes(piece.table, rows, keep))
        self.names += (
            [name for name, kept in zip(piece.names, keep, strict=True) if kept] if piece.names else []
        )

    def _hashes(self, table: pa.Table, rows: pa.Table, keep: np.ndarray) -> np.ndarray:
        """64 bits of each id: enough to say that ids differ."""
        if not table["post_id"].null_count:
            hashes: np.ndarray = table["hash"].to_numpy()[keep]
            return hashes
        self.connection.register("piece", rows.select(["post_id"]))
        hashes = self.connection.sql("SELECT hash(post_id) AS hash FROM piece").fetchnumpy()["hash"]
        self.connection.unregister("piece")
        return hashes

    def _codes(self, labels: pa.ChunkedArray, faults: dict[int, BadLineError]) -> np.ndarray:
        coded = labels.combine_chunks().dictionary_encode()
        codes = np.zeros(len(coded.dictionary) + 1, np.int32)
        indices = coded.indices.fill_null(len(coded.dictionary)).to_numpy(zero_copy_only=False)
        for number, text in enumerate(coded.dictionary.to_pylist()):
            try:
                codes[number] = self.labels.code(text)
            except BadLineError as fault:
                faults |= dict.fromkeys(np.flatnonzero(indices == number).tolist(), fault)
        coded_rows: np.ndarray = codes[indices]
        return coded_rows

    def _media(self, table: pa.Table, kind: str, faults: dict[int, BadLineError]) -> list[bytes | None]:
        """The image or video of each row, or nothing where no row has one."""
        found: list[bytes | None] = []
        for name in (kind, f"{kind}_bytes"):
            column = table[name]
            given = np.flatnonzero(column.is_valid().to_numpy()) if column.null_count < len(column) else ()
            for index in map(int, given):
                found = found or [None] * len(column)
                value = column[index].as_py()
                try:
                    found[index] = MEDIA[kind](value if name != kind else named(value, kind, self.fetch))
                except BadLineError as fault:
                    faults.setdefault(index, fault)
        return found

    def _rows(self, piece: Rows, codes: np.ndarray, media: dict[str, list[bytes | None]]) -> pa.Table:
        table = piece.table
        digests = table["digest"]
        for found in filter(None, media.values()):
            pairs = zip(digests.to_pylist(), found, strict=True)
            digests = pa.array([_with(text, data) for text, data in pairs])
        ids = table["post_id"]
        if ids.null_count:
            ids = pc.coalesce(ids, pc.binary_join_element_wise(self.source, digests, "-"))
        columns = {name: table[name] for name in STAGED.names if name in table.column_names}
        columns |= {
            "post_id": ids,
            **{kind: pa.array(found or [None] * len(codes), pa.binary()) for kind, found in media.items()},
            "digest": digests,
            "code": pa.array(codes),
            "row": pa.array(piece.rows),
        }
        return pa.table({name: columns[name] for name in STAGED.names}, schema=STAGED)


def _with(digest: str, data: bytes | None) -> str:
    """The digest of a post that has an image or a video too."""
    return hashlib.md5(digest.encode() + data, usedforsecurity=False).hexdigest() if data else digest
