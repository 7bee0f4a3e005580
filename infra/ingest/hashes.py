"""Perceptual hashes of the pictures and frames of posts, kept beside the posts so that known content is found again."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.ingest.deduplication import Settled
from infra.ingest.staging import Staging
from infra.ingest.summary import Hashes
from infra.lake import Lake
from models.data.perceptual_hash import Hash, image_hashes, telling, video_hashes
from models.domain.schemas import HASHES

WORKERS = 2  # threads; decoders work without the interpreter's lock


@dataclass
class Hashing:
    """Of the posts of one staging that are new or changed; counts what it keeps and what tells too little."""

    staging: Staging
    settled: Settled
    now: datetime
    kept: int = 0
    dropped: int = 0

    def into(self, lake: Lake) -> Hashes:
        """Written before the posts, so that no run that was killed leaves a post without its hashes."""
        lake.hashes.upsert(self._batches())
        return Hashes(kept=self.kept, dropped=self.dropped)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        leave = np.concatenate([self.settled.dropped, self.settled.unchanged])
        with ThreadPoolExecutor(WORKERS) as workers:
            for indices, batch in self.staging.batches("post_id", "image", "video"):
                seen = batch.filter(pa.array(~np.isin(indices, leave) & _visible(batch)))
                if len(seen):
                    columns = (seen[name].to_pylist() for name in ("image", "video"))
                    yield self._rows(seen["post_id"], list(workers.map(_hashes, *columns)))

    def _rows(self, ids: pa.Array, found: list[list[Hash]]) -> pa.RecordBatch:
        told = [telling(hashes) for hashes in found]
        dropped = [len(hashes) - len(kept) for hashes, kept in zip(found, told, strict=True)]
        self.kept, self.dropped = self.kept + sum(map(len, told)), self.dropped + sum(dropped)
        frames = [[asdict(item) for item in kept] for kept in told]
        columns = {"post_id": ids, "hashes": frames, "dropped": dropped, "ingested_at": [self.now] * len(ids)}
        return pa.RecordBatch.from_pydict(columns, schema=HASHES)


def _visible(batch: pa.RecordBatch) -> np.ndarray:
    """Which rows have an image or a video."""
    there: np.ndarray = pc.or_(batch["image"].is_valid(), batch["video"].is_valid()).to_numpy(
        zero_copy_only=False
    )
    return there


def _hashes(image: bytes | None, video: bytes | None) -> list[Hash]:
    return [*image_hashes(image), *video_hashes(video)]
