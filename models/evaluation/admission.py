"""Whether eight bits may serve in place of floats: a rule of accuracy alone, the same wherever it is asked."""

from __future__ import annotations

import numpy as np

from models.evaluation.comparison import paired
from models.evaluation.predictions import Scored
from models.inference.precision import INT8, Precision

MARGIN = 0.01  # macro average precision that may be lost, noise included: a third of what a slice may lose
SHIFT = 0.05  # of a score, which lies between 0 and 1
SHIFT_PERCENTILE = 99  # percentile of the scores that must not move further
SEED = 0  # of the resamples; one for all, so that two homes decide alike


def admission(full: Scored, small: Scored) -> Precision:
    """`full` scored in float and `small` in eight bits the same posts, in the same order.

    Eight bits must be shown not to be worse: the lowest difference that the posts do not rule out must lie within
    the margin, where a champion is only asked not to be shown worse (models.evaluation.comparison).
    """
    assert (full.post_id == small.post_id).all()
    difference = paired(small, full, seed=SEED)
    shift = _shift(full, small)
    if difference.least is None:
        return Precision(
            reason="float: no policy has posts that violate and posts that do not, so nothing shows what int8 loses",
            shift=shift,
            shift_bound=SHIFT,
        )
    faults = []
    if difference.least < -MARGIN:
        faults.append(f"macro average precision may fall by {-difference.least:.4f}, and {MARGIN} is allowed")
    if shift > SHIFT:
        faults.append(
            f"one score in {100 / (100 - SHIFT_PERCENTILE):.0f} moves by {shift:.4f}, and {SHIFT} is allowed"
        )
    served = {} if faults else {"serves": INT8}
    return Precision(
        reason=f"float: {'; '.join(faults)}" if faults else "int8: no loss beyond the bounds",
        float_average_precision=difference.champion,
        int8_average_precision=difference.candidate,
        least_difference=difference.least,
        difference_bound=-MARGIN,
        shift=shift,
        shift_bound=SHIFT,
        **served,
    )


def _shift(full: Scored, small: Scored) -> float:
    """How far the scores of TAIL % move at most; infinite where one is no number."""
    moved = np.abs(_sigmoid(full.logits) - _sigmoid(small.logits))
    if not np.isfinite(moved).all():
        return float("inf")
    return float(np.percentile(moved, SHIFT_PERCENTILE)) if moved.size else 0.0


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits.astype(np.float64))))
