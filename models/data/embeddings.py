"""What frozen encoders make of texts and pictures, computed once: a Lance table for each encoder, by content.

A vector belongs to a content, to an encoder and to a preprocessing; where one of them changes, it is computed anew. The
first is a row's key, the other two name the table, so that what no encoder of today reads is a folder to delete.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.data.kept_table import KEY_DIGITS, KeptTable, key_of
from models.data.snapshot import SnapshotRows
from models.domain.preprocessing import PREPROCESSING

CHUNK_ITEMS = 2048  # computed between two commits: what a killed run loses at most
BLOCK_ROWS = 4096  # of a snapshot, read at once

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
        keys = [key_of(item) if item else "" for item in items]
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
            self._table(encoder).tidy()
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

    def beside(self, name: str) -> KeptTable:
        """A table of something else that is kept of contents, at the same address."""
        return KeptTable(f"{self.uri.rstrip('/')}/{name}.lance", self.storage_options)

    def held(self, encoder: Encodes) -> int:
        """How many vectors of an encoder there are."""
        dataset = self._table(encoder).opened()
        return dataset.count_rows() if dataset else 0

    def _table(self, encoder: Encodes) -> KeptTable:
        return KeptTable(self.table(encoder), self.storage_options)

    def _read(self, encoder: Encodes, place: Mapping[str, int], found: Singles) -> set[str]:
        """Fill `found` with what the table holds; the keys that it lacks."""
        missing = set(place)
        for batch in self._table(encoder).rows([*place]):
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
        self._table(encoder).add(pa.table([pa.array(keys, pa.string()), column], schema=schema))
