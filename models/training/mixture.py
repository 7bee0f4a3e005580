"""What the deep and the wide half count for: what the validation split says of them, from which neither learned.

Thresholds are derived from that split again: three numbers a policy are little to learn by heart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.evaluation.thresholds import MAJORITY
from models.layers.wide import stacking

EQUAL = np.array([0.5, 0.5, 0.0])  # shares of deep and wide, and intercept
PULL = 10.0  # of a policy's shares to those of all policies together: few violations say little of their own policy

Array = NDArray[np.floating]


def fitted_shares(logits: Array, targets: Array, weights: Array) -> NDArray[np.float32]:
    """The shares [3, P] of deep and wide logits [N, P, 2], and what is added to both.

    targets: NaN where unknown, weights: [N, P]. A policy that shows one outcome alone has the shares of all together,
    for it would tell how sure to be and not of what.
    """
    known, policy = ~np.isnan(targets), np.arange(targets.shape[1])

    def fitted(chosen: NDArray[np.bool_], start: NDArray[np.float64], pull: float) -> NDArray[np.float64]:
        wanted = targets[chosen].astype(np.float64)
        if not (wanted < MAJORITY).any() or not (wanted >= MAJORITY).any():
            return start
        shown, counts = logits[chosen].astype(np.float64), weights[chosen].astype(np.float64)
        return stacking(shown, wanted, counts, start, pull)

    pooled = fitted(known, EQUAL, pull=1.0)
    found = [fitted(known & (policy == each), pooled, PULL) for each in policy]
    return np.stack(found, axis=1).astype(np.float32)
