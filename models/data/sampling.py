"""Which of the pictures of a video or an animation are chosen. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

STEADY = 0.2  # share of the places that goes to time where change is looked for


def evenly(looks: int, glimpses: Sequence[NDArray[np.uint8]], count: int) -> NDArray[np.int64]:
    """Places of looks in the middles of `count` equal shares of time, and of change where there are glimpses of it."""
    passed = np.full(looks, 1 / looks)
    if glimpses:
        grey = np.stack(glimpses).astype(np.int16)
        change = np.abs(np.diff(grey, axis=0, prepend=grey[:1])).mean(axis=(1, 2))
        if change.sum() > 0:
            passed = STEADY * passed + (1 - STEADY) * change / change.sum()
    middles = (np.arange(count) + 0.5) / count
    return np.unique(np.searchsorted(np.cumsum(passed), middles).clip(max=looks - 1))
