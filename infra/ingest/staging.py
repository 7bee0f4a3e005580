"""Good rows of one file, put aside on disk until it is known which of them the lake lacks."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.ingest.labels import Labels
from infra.ingest.media import MEDIA, MEDIA_BYTES, medium
from infra.ingest.reading import Rows
from infra.ingest.references import Fetch
from infra.ingest.reject import BadLineError, Reject
from infra.ingest.summary import SAMPLES
from models.domain.schemas import POST_FIELDS

STAGED = pa.schema(
    [
        *POST_FIELDS,
        pa.field("digest", pa.string(), nullable=False),
        pa.field("code", pa.int32(), nullable=False),  # of the labels
        pa.field("row", pa.int64(), nullable=False),
    ]
)

MEDIA_COLUMNS = ("image", "image_bytes", "video", "video_bytes")
MAX_REJECTS_OF_A_REASON = (
    100_000  # rejects of a reason, of one file: a few bytes can hold billions of bad rows
)
REJECTS = 'CREATE OR REPLACE TEMP TABLE rejects (file VARCHAR, "row" BIGINT, reason VARCHAR, detail VARCHAR)'


@dataclass
class Staging:
    """Good rows in an Arrow file, bad ones in DuckDB's table `rejects`: the first KEPT of each reason."""

    path: Path
    connection: duckdb.DuckDBPyConnection
    source: str
    file: str
    labels: Labels
    fetch: Fetch
    posts: bool = True  # judgements alone, where not
    also: Callable[[pa.Table], None] | None = None  # takes rows as they are put aside
    count: int = 0  # rows put aside
    seen: int = 0  # rows read
    refused: Counter[str] = field(default_factory=Counter)  # all rejects, by reason
    examples: dict[str, list[str]] = field(default_factory=dict)  # of details, by reason
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

    def ids(self) -> list[str]:
        """Of the posts that the rows are about."""
        return [name for _, batch in self.batches("post_id") for name in batch["post_id"].to_pylist()]

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
        kept = []
        for reject in rejects:
            self.refused[reject.reason] += 1
            told = self.examples.setdefault(reject.reason, [])
            if reject.detail and len(told) < SAMPLES and reject.detail not in told:
                told.append(reject.detail)
            if self.refused[reject.reason] <= MAX_REJECTS_OF_A_REASON:
                kept.append(reject)
        if not kept:
            return
        columns = list(zip(*kept, strict=True))
        self.connection.register("piece", pa.table(columns, names=list(Reject._fields)))
        self.connection.execute("INSERT INTO rejects FROM piece")
        self.connection.unregister("piece")

    def _add(self, piece: Rows, writer: pa.ipc.RecordBatchStreamWriter) -> None:
        self.refuse(piece.bad)
        faults: dict[int, BadLineError] = {}
        codes = self._codes(piece.table["labels"], faults)
        start = 0
        while start < len(codes):
            media, end = self._media(piece.table, start, faults)
            self._put(piece, slice(start, end), codes, media, faults, writer)
            start = end

    def _put(
        self,
        piece: Rows,
        span: slice,
        codes: np.ndarray,
        media: dict[str, list[bytes | None]],
        faults: dict[int, BadLineError],
        writer: pa.ipc.RecordBatchStreamWriter,
    ) -> None:
        """Put aside the rows of the span that are without fault."""
        bad = sorted(at for at in faults if span.start <= at < span.stop)
        names = piece.names[span]
        self.refuse(
            [
                Reject(piece.names[at] if names else self.file, int(piece.rows[at]), *faults[at].args)
                for at in bad
            ]
        )
        table = piece.table.slice(span.start, span.stop - span.start)
        keep = np.ones(len(table), bool)
        keep[[at - span.start for at in bad]] = False
        rows = self._rows(table, piece.rows[span], codes[span], media)
        rows = rows.filter(pa.array(keep)) if bad else rows
        for batch in rows.to_batches():
            writer.write_batch(batch)
        if self.also:
            self.also(rows)
        self.count += len(rows)
        self.hashes.append(self._hashes(table, rows, keep))
        self.names += [name for name, kept in zip(names, keep, strict=True) if kept] if names else []

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

    def _media(
        self, table: pa.Table, start: int, faults: dict[int, BadLineError]
    ) -> tuple[dict[str, list[bytes | None]], int]:
        """The images and videos of the rows from `start` on, no more than MEDIA_BYTES of them, and where that ends.

        A kind that no row has is empty.
        """
        given = {name: column for name in MEDIA_COLUMNS if (column := table[name]).null_count < len(column)}
        found: dict[str, list[bytes | None]] = {kind: [] for kind in MEDIA}
        if not given:
            return found, len(table)
        held, place = 0, start
        while place < len(table) and held <= MEDIA_BYTES:
            for kind in MEDIA:
                data = None if place in faults else self._medium(given, kind, place, faults)
                found[kind].append(data)
                held += len(data or b"")
            place += 1
        return {kind: items if any(items) else [] for kind, items in found.items()}, place

    def _medium(
        self, given: dict[str, pa.ChunkedArray], kind: str, place: int, faults: dict[int, BadLineError]
    ) -> bytes | None:
        reference, data = (
            given[name][place].as_py() if name in given else None for name in (kind, f"{kind}_bytes")
        )
        try:
            return medium(kind, reference, data, self.fetch)
        except BadLineError as fault:
            faults[place] = fault
            return None

    def _rows(
        self, table: pa.Table, numbers: np.ndarray, codes: np.ndarray, media: dict[str, list[bytes | None]]
    ) -> pa.Table:
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
            "row": pa.array(numbers),
        }
        return pa.table({name: columns[name] for name in STAGED.names}, schema=STAGED)


def _with(digest: str, data: bytes | None) -> str:
    """The digest of a post that has an image or a video too."""
    return hashlib.md5(digest.encode() + data, usedforsecurity=False).hexdigest() if data else digest
