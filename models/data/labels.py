"""What judgements weigh as targets of a loss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def judged(
    targets: NDArray[np.float32], votes: NDArray[np.float32], unknown: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Targets and weights [N, P] of a loss; where `unknown` is "negative", no vote counts as one against."""
    if unknown == "negative":
        targets, votes = np.nan_to_num(targets), np.maximum(votes, 1)
    return targets, vote_weights(votes)


def vote_weights(votes: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much a label with so many votes counts, 0 to 1: n / (n + 1), the reliability of a mean of n votes
    (Spearman-Brown) where one vote alone is half noise.
    """
    return votes / (votes + 1)
