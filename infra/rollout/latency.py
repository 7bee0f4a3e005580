"""Latencies in buckets, so that a stage's are counts that only grow."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

FASTEST, SLOWEST = 0.05, 120_000.0  # milliseconds; beyond them lie the first and last buckets
WIDTH: Final = 1.001  # of a bucket: a quantile is known to a tenth of a per cent; a comparison loses two
EDGES = FASTEST * WIDTH ** np.arange(np.ceil(np.log(SLOWEST / FASTEST) / np.log(WIDTH)) + 1)
BUCKETS = len(EDGES) + 1

Counts = NDArray[np.int64]


def bucketed(milliseconds: NDArray[np.floating]) -> Counts:
    """How many latencies lie in each bucket, [BUCKETS]."""
    return np.bincount(np.searchsorted(EDGES, milliseconds, side="left"), minlength=BUCKETS)
