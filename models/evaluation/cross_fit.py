"""What calibration and thresholds say of posts that they were not fitted on, where every post is needed to fit them.

A network's scores on posts that it did not learn from are split in FOLDS by near-duplicates; each part is calibrated
and decided by what the other parts fit (cross-fitting; Chernozhukov et al., 2018). Every figure is then one of the
procedure on unseen posts. What is served is fitted on all parts: on more, so that it keeps its promises as well or
better on average (Bates, Hastie and Tibshirani, 2024, on what cross-validation estimates).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domain.policy import PolicySet
from models.evaluation.calibration import Calibration
from models.evaluation.operating_points import JudgedScores, OperatingPoints
from models.evaluation.predictions import Scored

Floats = NDArray[np.floating]

FOLDS = 5


@dataclass(frozen=True)
class Held:
    """Posts with the probabilities [N, P] and thresholds of a fit that has not seen them."""

    scored: Scored
    probabilities: Floats
    points: OperatingPoints


def evidence_of(calibration: Calibration, scored: Scored, assessed: Sequence[str]) -> JudgedScores:
    """What thresholds are derived from."""
    return JudgedScores(
        scored.policies, calibration(scored.logits), scored.labels, scored.market, tuple(assessed)
    )


def cross_fitted(policy_set: PolicySet, scored: Scored, assessed: Sequence[str]) -> list[Held]:
    """Each fold by what the other folds fit; folds without a post are left out."""
    fold = folds_of(scored, FOLDS)
    return [_held(policy_set, scored, fold == k, assessed) for k in np.unique(fold)]


def folds_of(scored: Scored, folds: int) -> NDArray[np.integer]:
    """A fold [N] for each post, near-duplicates together."""
    return dealt(scored.cluster, folds)


def dealt(cluster: NDArray[np.integer], folds: int) -> NDArray[np.integer]:
    """A fold [N] for each post; clusters are dealt out in an order that says nothing of them."""
    clusters, member = np.unique(cluster, return_inverse=True)
    return np.asarray(np.random.default_rng(0).permutation(len(clusters))[member] % folds)


def _held(policy_set: PolicySet, scored: Scored, out: NDArray[np.bool_], assessed: Sequence[str]) -> Held:
    fitting, held = scored.where(~out), scored.where(out)
    calibration = Calibration.fit(scored.policies, fitting.logits, fitting.labels)
    points = OperatingPoints.derive(policy_set, evidence_of(calibration, fitting, assessed))
    return Held(held, calibration(held.logits), points)


def unseen(parts: Sequence[Held], scored: Scored) -> Floats:
    """The probabilities [N, P] that the parts hold for these posts, all of which are among theirs."""
    ids = np.concatenate([part.scored.post_id for part in parts])
    found = np.concatenate([part.probabilities for part in parts])
    order = np.argsort(ids)
    return np.asarray(found[order[np.searchsorted(ids, scored.post_id, sorter=order)]])
