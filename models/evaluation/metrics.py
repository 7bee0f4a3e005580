"""Metrics of a ranking with bootstrap samples of each: every function takes many weightings of the posts at once.

A weighting counts how often a post was drawn. Column 0 of `bootstrap_weights` counts every post once, so that
element 0 of each result is the estimate itself and the others are its resamples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]

BINS = 10
COLUMN_BUDGET = 4_000_000  # weights held at once; 16 MB as float32


def bootstrap_weights(groups: Integers, resamples: int, seed: int) -> Integers:
    """Weights [N, 1 + resamples] of the Poisson bootstrap (Hanley and MacGibbon, 2006).

    Posts of one group are drawn together: near-duplicates are no independent evidence.
    """
    _, members = np.unique(groups, return_inverse=True)
    rng = np.random.default_rng(seed)
    drawn = rng.poisson(1, (members.max(initial=-1) + 1, resamples)).astype(np.uint8)
    ones = np.ones((len(groups), 1), np.uint8)
    return np.concatenate([ones, drawn[members]], axis=1)


@dataclass(frozen=True)
class Curve:
    """The precision-recall curve at each violating post, for B weightings.

    precision, hits: [K, B] for K violating posts in falling order of score; drawn: [K, B]; total: [B].
    """

    precision: Floats
    hits: Floats
    drawn: Integers
    total: Floats

    @classmethod
    def of(cls, violates: NDArray[np.bool_], scores: Floats, weights: Integers) -> Curve:
        """violates, scores: [N]; weights: [N, B]. Posts with equal scores share one threshold."""
        order = np.argsort(-scores, kind="stable")
        positives = np.flatnonzero(violates[order])
        ends = np.searchsorted(-scores[order], -scores[order], side="right") - 1
        last = ends[positives]
        drawn = weights[order[positives]]
        seen = np.cumsum(weights[order], axis=0, dtype=np.float32)[last]
        hits = np.cumsum(drawn, axis=0, dtype=np.float32)[np.searchsorted(positives, last, side="right") - 1]
        return cls(hits / np.maximum(seen, 1), hits, drawn, drawn.sum(axis=0, dtype=np.float32))

    def average_precision(self) -> Floats:
        """[B]; NaN where no violating post was drawn."""
        return _ratio((self.drawn * self.precision).sum(axis=0), self.total)

    def recall_at(self, precision: float) -> Floats:
        """[B]: the highest recall of any threshold with at least this precision, 0 where none has it."""
        reached = np.where(self.precision >= precision, self.hits, 0)
        return _ratio(reached.max(axis=0, initial=0), self.total)


def average_precision(violates: NDArray[np.bool_], scores: Floats, weights: Integers) -> Floats:
    """[B]; NaN where posts that violate or posts that do not are missing; memory is bounded."""
    if violates.all() or not violates.any():
        return np.full(weights.shape[1], np.nan)
    return np.concatenate(
        [Curve.of(violates, scores, chunk).average_precision() for chunk in chunks(weights)]
    )


def shuffled_precision(violations: int, judged: int, shuffles: int, rng: np.random.Generator) -> Floats:
    """Average precision [shuffles] of rankings by chance: what a model that knows nothing reaches."""
    places = rng.random((shuffles, judged)).argsort(axis=1)[:, :violations]
    found: Floats = (np.arange(1, violations + 1) / (np.sort(places, axis=1) + 1)).mean(axis=1)
    return found


def chunks(weights: Integers) -> list[Integers]:
    """The weightings in pieces, so that what is computed from a piece stays small."""
    width = max(1, COLUMN_BUDGET // max(1, len(weights)))
    return [weights[:, start : start + width] for start in range(0, weights.shape[1], width)]


def calibration_error(violates: NDArray[np.bool_], probabilities: Floats, weights: Integers) -> Floats:
    """Expected calibration error [B] over ten bins of equally many posts; NaN without posts.

    The sum over bins of |sum over posts of (outcome - probability)|, divided by the number of posts (Naeini et
    al., 2015, with equal-mass bins as in Nixon et al., 2019).
    """
    if not len(violates):
        return np.full(weights.shape[1], np.nan)
    order = np.argsort(probabilities, kind="stable")
    gap = (violates[order] - probabilities[order]).astype(np.float32)[:, None]
    starts = np.unique(np.arange(BINS) * len(order) // BINS)
    errors = [_binned_error(gap, chunk[order], starts) for chunk in chunks(weights)]
    return np.concatenate(errors)


def _binned_error(gap: Floats, weights: Integers, starts: Integers) -> Floats:
    sums: Floats = np.abs(np.add.reduceat(gap * weights, starts, axis=0)).sum(axis=0)
    return _ratio(sums, weights.sum(axis=0, dtype=np.float32))


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    ratio: Floats = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    return ratio
