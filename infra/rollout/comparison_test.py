"""Two samples against a limit: how much speaks for harm, and how much for health."""

from __future__ import annotations

import numpy as np

from infra.rollout.estimate import Cells, Line


def against_at_most(challenger: Cells, champion: Cells, limit: Line) -> float:
    """Log e-value against "the challenger's value is at most the limit": it speaks for harm."""
    least = np.minimum.accumulate(challenger.evidence)  # against all cells up to each
    last = np.searchsorted(challenger.lower, limit(champion.upper), side="right") - 1
    return float(np.min(champion.evidence + np.where(last >= 0, least[last], np.inf)))


def against_more(challenger: Cells, champion: Cells, limit: Line) -> float:
    """Log e-value against "the challenger's value is more than the limit": it speaks for health."""
    least = np.append(
        np.minimum.accumulate(challenger.evidence[::-1])[::-1], np.inf
    )  # against all cells from each on
    first = np.searchsorted(challenger.upper, limit(champion.lower), side="right")
    return float(np.min(champion.evidence + least[first]))


def mirrored(cells: Cells) -> Cells:
    """The sample of the negative value, by which "at least" is "at most"."""
    return Cells(-cells.upper[::-1], -cells.lower[::-1], cells.evidence[::-1])
