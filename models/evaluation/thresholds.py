"""Thresholds that are proven on judged posts, and which action a matrix of thresholds asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.content import Action

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]

ERROR_RATE = 0.05  # of the one-sided bound
STRENGTH = tuple(Action)
REVIEW, REMOVE = STRENGTH.index(Action.REVIEW), STRENGTH.index(Action.REMOVE)


@dataclass(frozen=True)
class Threshold:
    at: float
    precision: float
    lower_bound: float
    recall: float


def proven_precision(hits: NDArray[np.integer], flagged: NDArray[np.integer]) -> Floats:
    """One-sided 95 % lower bound of hits / flagged (Clopper and Pearson, 1934)."""
    from scipy.special import betaincinv

    bound = betaincinv(np.maximum(hits, 1), flagged - hits + 1, ERROR_RATE)
    return np.where(hits > 0, bound, 0.0)


def smallest_proven(scores: Floats, violates: Flags, objective: float) -> tuple[Threshold | None, float]:
    """The smallest threshold whose bound meets the objective, and the best bound of any; scores, violates: [N]."""
    order = np.argsort(-scores, kind="stable")
    falling, hits = scores[order], np.cumsum(violates[order], dtype=np.int64)
    ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))  # equal scores share a threshold
    bounds = proven_precision(hits[ends], ends + 1)
    proven = np.flatnonzero(bounds >= objective)
    if not len(proven):
        return None, float(bounds.max(initial=0.0))
    at, bound = ends[proven[-1]], float(bounds[proven[-1]])
    found = Threshold(float(falling[at]), float(hits[at] / (at + 1)), bound, float(hits[at] / hits[-1]))
    return found, bound


def review_level(automatic: Floats, scores: Floats, severity: NDArray[np.integer], share: float) -> float:
    """The product of probability and severity from which a `share` of the posts goes to review.

    automatic: thresholds [P, actions]; scores: [N, P]; severity: [P]. What is removed without a person, or acted on
    for this policy, takes none of the share.
    """
    acted = strongest(automatic, scores)
    priority = np.where(acted > 0, -np.inf, scores * severity).max(axis=1)
    waiting = np.sort(priority[(acted != REMOVE).all(axis=1) & np.isfinite(priority)])
    reviewed = min(int(share * len(scores)), len(waiting))
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
