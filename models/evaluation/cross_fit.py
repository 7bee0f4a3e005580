"""What calibration and thresholds say of posts that they were not fitted on, where every post is needed to fit them.

A network's scores on posts that it did not learn from are split in FOLDS by near-duplicates; each part is calibrated
and decided by what the other parts fit (cross-fitting; Chernozhukov et al., 2018). Every figure is then one of the
procedure on unseen posts. What is served is fitted on all parts: on more, so that it keeps its promises as well or
better on average (Bates, Hastie and Tibshirani, 2024, on what cross-validation estimates).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.domain.policy import PolicySet
from models.evaluation.calibration import Calibration
from models.evaluation.operating_points import JudgedScores, OperatingPoints
from models.evaluation.predictions import Scored
from models.evaluation.prevalence import Prevalence
from models.evaluation.unjudged import Unjudged, prevalence_by_policy

Floats = NDArray[np.floating]

FOLDS = 5


@dataclass(frozen=True)
class Held:
    """Posts with the probabilities [N, P] and thresholds of a fit that has not seen them."""

    scored: Scored
    probabilities: Floats
    points: OperatingPoints


@dataclass(frozen=True)
class UnjudgedPosts:
    """Posts that nobody judged, and what their scores say of the prevalence of each policy."""

    scored: Scored
    prevalence: Mapping[str, Prevalence]

    @classmethod
    def beside(cls, judged: Scored, unjudged: Scored) -> Self:
        """`judged`: posts that the model did not learn from; both scored by the same model."""
        found = prevalence_by_policy(judged.policies, judged.logits, judged.labels, unjudged.logits)
        return cls(unjudged, found)

    @property
    def odds(self) -> dict[str, float]:
        """By how much the odds of a violation differ from those among the judged posts, by policy."""
        return {policy: found.odds for policy, found in self.prevalence.items()}

    def by(self, calibration: Calibration) -> Unjudged:
        """With the scores that are served."""
        return Unjudged(calibration(self.scored.logits), self.scored.market, self.prevalence)


def evidence_of(
    calibration: Calibration, scored: Scored, assessed: Sequence[str], unjudged: UnjudgedPosts | None = None
) -> JudgedScores:
    """What thresholds are derived from."""
    return JudgedScores(
        scored.policies,
        calibration(scored.logits),
        scored.labels,
        scored.market,
        tuple(assessed),
        None if unjudged is None else unjudged.by(calibration),
    )


def calibrated(scored: Scored, unjudged: UnjudgedPosts | None = None) -> Calibration:
    """Fitted on these judged posts; where another share of the unjudged ones violates, it says what holds for those."""
    fitted = Calibration.fit(scored.policies, scored.logits, scored.labels)
    return fitted if unjudged is None else fitted.moved(unjudged.odds)


def cross_fitted(
    policy_set: PolicySet, scored: Scored, assessed: Sequence[str], unjudged: UnjudgedPosts | None = None
) -> list[Held]:
    """Each fold by what the other folds fit; folds without a post are left out."""
    fold = folds_of(scored, FOLDS)
    return [_held(policy_set, scored, fold == k, assessed, unjudged) for k in np.unique(fold)]


def folds_of(scored: Scored, folds: int) -> NDArray[np.integer]:
    """A fold [N] for each post, near-duplicates together."""
    return dealt(scored.cluster, folds)


def dealt(cluster: NDArray[np.integer], folds: int) -> NDArray[np.integer]:
    """A fold [N] for each post; clusters are dealt out in an order that says nothing of them."""
    clusters, member = np.unique(cluster, return_inverse=True)
    return np.asarray(np.random.default_rng(0).permutation(len(clusters))[member] % folds)


def _held(
    policy_set: PolicySet,
    scored: Scored,
    out: NDArray[np.bool_],
    assessed: Sequence[str],
    unjudged: UnjudgedPosts | None,
) -> Held:
    fitting, held = scored.where(~out), scored.where(out)
    calibration = calibrated(fitting, unjudged)
    points = OperatingPoints.derive(policy_set, evidence_of(calibration, fitting, assessed, unjudged))
    return Held(held, calibration(held.logits), points)


def unseen(parts: Sequence[Held], scored: Scored) -> Floats:
    """The probabilities [N, P] that the parts hold for these posts, all of which are among theirs."""
    ids = np.concatenate([part.scored.post_id for part in parts])
    found = np.concatenate([part.probabilities for part in parts])
    order = np.argsort(ids)
    return np.asarray(found[order[np.searchsorted(ids, scored.post_id, sorter=order)]])
