"""Thresholds that are proven on judged posts, and which action a matrix of thresholds asks for.

Bounds are exact at any count (Clopper and Pearson, 1934): each holds in 95 of 100 cases for a threshold that is fixed
beforehand and posts that are independent. The smallest that passes is looked for on the same posts, and whoever checks
the promise counts posts as well: on as many later ones, a bound of 95 % is met in about 87 of 100 cases, for both
counts err. So thresholds that flag many posts, which lose next to nothing by it, are proven more surely.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domain.content import Action

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]

MAJORITY = 0.5  # share of judgements from which a post counts as violating
ERROR_RATE = 0.05  # of the one-sided bound
FEW_FLAGGED = 300  # posts; a threshold that flags four times as many may err half as often
STRENGTH = tuple(Action)
REVIEW, REMOVE = STRENGTH.index(Action.REVIEW), STRENGTH.index(Action.REMOVE)


@dataclass(frozen=True)
class Threshold:
    at: float
    precision: float
    lower_bound: float
    recall: float


def proven_precision(
    hits: NDArray[np.integer], flagged: NDArray[np.integer], error: float | Floats = ERROR_RATE
) -> Floats:
    """One-sided 95 % lower bound of hits / flagged (Clopper and Pearson, 1934), or one of another error rate."""
    from scipy.special import betaincinv

    bound = betaincinv(np.maximum(hits, 1), flagged - hits + 1, error)
    return np.where(hits > 0, bound, 0.0)


def error_rate(flagged: NDArray[np.number]) -> Floats:
    """Of the bound of a threshold that flags so many posts."""
    return np.asarray(ERROR_RATE * np.sqrt(np.minimum(1.0, FEW_FLAGGED / np.maximum(flagged, 1))))


def share_at_most(hits: int, flagged: int, error: float = ERROR_RATE) -> float:
    """One-sided 95 % upper bound of hits / flagged (Clopper and Pearson, 1934); 1 where there is nothing to count."""
    from scipy.special import betaincinv

    return 1.0 if hits >= flagged else float(betaincinv(hits + 1, flagged - hits, 1 - error))


def share_at_least(hits: int, flagged: int, error: float = ERROR_RATE) -> float:
    """One-sided 95 % lower bound of hits / flagged (Clopper and Pearson, 1934); 0 where there is nothing to count."""
    return float(proven_precision(np.array(hits), np.array(flagged), error)) if flagged else 0.0


def least_violations(objective: float) -> float:
    """How many violations, flagged without one false alarm, prove a precision; infinite for one of 1."""
    if not 0 < objective < 1:
        return 1 if objective <= 0 else math.inf

    def proves(count: int) -> int:
        return math.ceil(math.log(error_rate(np.array(count))) / math.log(objective))

    count = 1
    while (more := proves(count)) > count:  # the more are flagged, the surer the bound has to be
        count = more
    return count


def smallest_proven(scores: Floats, violates: Flags, objective: float) -> tuple[Threshold | None, float]:
    """The smallest threshold whose bound meets the objective, and the best bound of any; scores, violates: [N].

    It lies half-way between the last violation that it takes and the post below. Further down, the bound may hold for a
    while, and all that would be taken is what does not violate.
    """
    order = np.argsort(-scores, kind="stable")
    falling, hits = scores[order], np.cumsum(violates[order], dtype=np.int64)
    ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))  # equal scores share a threshold
    bounds = proven_precision(hits[ends], ends + 1, error_rate(ends + 1))
    taking = np.diff(hits[ends], prepend=0) > 0
    proven = np.flatnonzero((bounds >= objective) & taking)
    if not len(proven):
        return None, float(bounds.max(initial=0.0))
    at, bound = ends[proven[-1]], float(bounds[proven[-1]])
    below = falling[at + 1] if at + 1 < len(falling) else falling[at]
    level = float(falling[at] + below) / 2
    found = Threshold(level, float(hits[at] / (at + 1)), bound, float(hits[at] / hits[-1]))
    return found, bound


def more_violations(scores: Floats, violates: Flags, objective: float) -> int | None:
    """How many more judged violations would prove a threshold, were scores and violations spread as they are.

    None where no ranking like this one reaches the precision, however many are judged. Of each threshold whose
    precision is above the objective, the normal approximation of the bound says how many posts it takes; the exact
    count of a ranking without a false alarm is the floor.
    """
    from scipy.special import ndtri

    order = np.argsort(-scores, kind="stable")
    falling, hits = scores[order], np.cumsum(violates[order], dtype=np.int64)
    ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
    flagged, found = ends + 1, hits[ends]
    precision = found / flagged
    above = (precision > objective) & (found > 0)
    if not above.any():
        return None
    flagged, found, precision = flagged[above], found[above], precision[above]
    spread = flagged.astype(np.float64)
    for _ in range(3):  # the more posts it takes, the surer the bound has to be, which settles at once
        surer = ndtri(error_rate(spread)) ** 2
        spread = surer * precision * (1 - precision) / (precision - objective) ** 2
    wanted = np.maximum(spread * precision, least_violations(objective))  # violations that are flagged
    factor = float((wanted / found).min())
    return max(1, math.ceil((factor - 1) * int(violates.sum()))) if math.isfinite(factor) else None


def review_level(automatic: Floats, scores: Floats, severity: NDArray[np.integer], share: float) -> float:
    """The product of probability and severity from which a `share` of the posts goes to review.

    automatic: thresholds [P, actions]; scores: [N, P]; severity: [P], 0 for a policy that nobody assessed. What is
    removed without a person, or acted on for this policy, takes none of the share. A share above nought is one post
    at least: rounded down, too few posts to count it by would switch review off. Infinite where nobody reviews.
    """
    if not severity.any():
        return np.inf
    acted = strongest(automatic, scores)
    priority = np.where((acted > 0) | (severity == 0), -np.inf, scores * severity).max(axis=1)
    waiting = np.sort(priority[(acted != REMOVE).all(axis=1) & np.isfinite(priority)])
    reviewed = min(max(int(share * len(scores)), 1 if share else 0), len(waiting))
    return float(waiting[-reviewed]) if reviewed else np.inf


def strongest(thresholds: Floats, scores: Floats) -> NDArray[np.integer]:
    """Index into STRENGTH [N, P] of what each policy asks for: an automatic action, otherwise review, otherwise 0.

    thresholds: [P, actions] or [N, P, actions], infinite where an action is not taken; scores: [N, P].
    """
    passed = scores[:, :, None] >= thresholds
    review = np.where(passed[:, :, REVIEW], REVIEW, 0)
    passed[:, :, REVIEW] = False
    automatic = np.where(passed, np.arange(len(STRENGTH)), 0).max(axis=2)
    return np.where(automatic > 0, automatic, review)
