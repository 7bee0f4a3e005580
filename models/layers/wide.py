"""How the parts of the wide half are weighed: each alone solves a convex problem, and they are stacked.

Of each part a share is taken that posts say it deserves which its weights were not fitted on (stacking; Wolpert, 1992;
Breiman, 1996, on why shares must not be negative): a part that does not help counts for nothing, and together they are
not worse than the best of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from models.layers.logistic_regression import Dense, Features, Floats, solve

MAX_SHARE = 1.5  # of a part's logits: two that both shrink too much may together count for more than one
PULL = 1.0  # weight of the squared distance of shares to those they begin at, beside the summed loss
MAX_TRIED = 6_000  # texts that a part's penalty is chosen on; it does not depend on their number


@dataclass(frozen=True)
class Part:
    """One view of N texts, and the penalties among which those choose that its weights were not fitted on."""

    features: Features | Dense
    penalties: tuple[float, ...]

    def of(self, rows: NDArray[np.bool_]) -> Part:
        return Part(self.features.of(rows), self.penalties)


def weighed(
    parts: Sequence[Part], targets: Floats, weights: Floats, prior: float, fold: NDArray[np.integer]
) -> list[Floats]:
    """For each part its weights [D] and, last, its intercept, so that the sum of the parts is the logit of one policy.

    targets in 0 to 1, weights and fold: [N]; texts of one fold are told apart from the others to see what a part says
    of texts that it was not fitted on. prior: log-odds.
    """
    unseen, penalties = np.zeros((len(targets), len(parts))), []
    for place, part in enumerate(parts):
        penalties.append(_penalty(part, targets, weights, prior, fold))
        unseen[:, place] = _unseen(part.features, targets, weights, prior, penalties[-1], fold)
    start = np.append(np.full(len(parts), 1 / len(parts)), prior)
    *shares, intercept = stacking(unseen, targets, weights, start)
    found = []
    for part, penalty, share in zip(parts, penalties, shares, strict=True):
        point = solve(part.features, targets, weights, prior, penalty)
        point[-1] -= prior
        found.append(share * point)
    found[0][-1] += intercept
    return found


def _penalty(part: Part, targets: Floats, weights: Floats, prior: float, fold: NDArray[np.integer]) -> float:
    """The one with the least loss on texts that the weights were not fitted on."""
    if len(part.penalties) == 1:
        return part.penalties[0]
    chosen = np.arange(len(targets)) % max(1, -(-len(targets) // MAX_TRIED)) == 0
    few, targets, weights, fold = part.of(chosen), targets[chosen], weights[chosen], fold[chosen]

    def loss(penalty: float) -> float:
        scores = _unseen(few.features, targets, weights, prior, penalty, fold) + prior
        return float((weights * (np.logaddexp(0, scores) - targets * scores)).sum())

    return min(part.penalties, key=loss)


def _unseen(
    features: Features | Dense,
    targets: Floats,
    weights: Floats,
    prior: float,
    penalty: float,
    fold: NDArray[np.integer],
) -> Floats:
    """Logits [N] less `prior`, each by weights that were fitted on the other folds."""
    logits = np.zeros(len(targets))
    for held in np.unique(fold):
        out = fold == held
        found = solve(features.of(~out), targets[~out], weights[~out], prior, penalty)
        logits[out] = features.of(out).times(found[:-1]) + found[-1] - prior
    return logits


def stacking(logits: Floats, targets: Floats, weights: Floats, start: Floats, pull: float = PULL) -> Floats:
    """The shares [K] of several logits [N, K] that fit the targets best and, last, the intercept; drawn to `start`."""

    def loss(point: Floats) -> tuple[float, Floats]:
        scores, away = logits @ point[:-1] + point[-1], point - start
        residuals = weights * (expit(scores) - targets)
        total = (weights * (np.logaddexp(0, scores) - targets * scores)).sum() + pull / 2 * away @ away
        return float(total), np.append(logits.T @ residuals, residuals.sum()) + pull * away

    bounds = [(0.0, MAX_SHARE)] * logits.shape[1] + [(None, None)]
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x)
