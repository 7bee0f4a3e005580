"""A file's rows straight into an empty lake while the file is still being read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from infra.ingest.deduplication import Settled, post_rows
from infra.ingest.labels import Labels
from infra.ingest.votes import FRESH, judged
from infra.lake import Lake, Load


@dataclass(frozen=True)
class FirstLoad:
    """Good for a file that holds no post twice, and a lake that stays empty until then; others must settle first."""

    posts: Load
    judgements: Load
    labels: Labels
    source: str
    now: datetime

    def add(self, rows: pa.Table) -> None:
        """Staged rows, all of them new as far as is known."""
        for batch in rows.to_batches():
            self.posts.put(post_rows(batch, np.ones(len(batch), np.int32), self.source, self.now))
            votes = self.labels.judgements(batch["post_id"], batch["code"].to_numpy())
            for piece in votes.select(FRESH.names).cast(FRESH).to_batches():
                self.judgements.put(judged(piece, self.now))

    def holds(self, settled: Settled) -> bool:
        """Whether what was written is what is to be committed; what is not is let go of."""
        if len(settled.dropped) + len(settled.unchanged) + len(settled.changed) == 0:
            return True
        self.posts.abandon()
        self.judgements.abandon()
        return False


@contextmanager
def first_load(lake: Lake, labels: Labels, source: str, now: datetime) -> Iterator[FirstLoad | None]:
    """None where the lake holds rows."""
    if not (lake.posts.is_empty() and lake.judgements.is_empty()):
        yield None
        return
    with Load(lake.posts) as posts, Load(lake.judgements) as judgements:
        yield FirstLoad(posts, judgements, labels, source, now)
