"""What the deep and the wide half count for: what the validation split, which taught neither, says of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.layers.wide import stacking

EQUAL = np.array([0.5, 0.5, 0.0])  # shares of deep and wide, and intercept
PULL = 10.0  # of a policy's shares to those of all policies together: few violations say little of their own policy

Array = NDArray[np.floating]


def fitted_shares(logits: Array, targets: Array, weights: Array) -> NDArray[np.float32]:
    """The shares [2, P] of deep and wide logits [N, P, 2] by targets (NaN where unknown) and weights [N, P]."""
    known, policy = ~np.isnan(targets), np.arange(targets.shape[1])

    def fitted(chosen: NDArray[np.bool_], start: NDArray[np.float64], pull: float) -> NDArray[np.float64]:
        shown, wanted, counts = (part[chosen].astype(np.float64) for part in (logits, targets, weights))
        return stacking(shown, wanted, counts, start, pull)

    pooled = fitted(known, EQUAL, pull=1.0)
    found = [fitted(known & (policy == each), pooled, PULL)[:2] for each in policy]
    return np.stack(found, axis=1).astype(np.float32)
