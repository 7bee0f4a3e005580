"""Operating points: the threshold of each market, policy and action, derived from the market's objectives.

An automatic action takes the smallest threshold whose precision is proven: its lower confidence bound, not its
estimate, meets the objective. A person reviews what is left, the likely and severe first, up to the review share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.content import Action, Reason
from models.evaluation.thresholds import STRENGTH, review_level, smallest_proven, strongest
from models.policy import DEFAULT_MARKET, Objectives, PolicySet

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]
Basis = Literal["market", "pooled"]

MAJORITY = 0.5  # share of judgements from which a post counts as violating
LEAST_REVIEWED = 10  # posts that a review share must amount to before a market's own are used


class OperatingPoint(BaseModel):
    """`threshold` is None where the action is not taken; `note` then says why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    market: str
    policy: str
    action: Action
    threshold: float | None
    objective: float = Field(description="least precision; for review, the share of posts")
    precision: float | None = Field(default=None, description="achieved on the calibration data")
    lower_bound: float | None = Field(default=None, description="one-sided 95 % bound of the precision")
    recall: float | None = None
    judged: int = 0
    violations: int = 0
    basis: Basis = Field(default="market", description="whose posts it was derived from")
    note: str = ""


@dataclass(frozen=True)
class Evidence:
    """Judged posts; scores: calibrated [N, P]; labels: share of judgements [N, P], NaN for unknown; markets: [N]."""

    policies: tuple[str, ...]
    scores: Floats
    labels: Floats
    markets: NDArray[np.str_]

    def inside(self, market: str) -> Flags:
        return np.full(len(self.markets), True) if market == DEFAULT_MARKET else self.markets == market


class OperatingPoints(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    policies: tuple[str, ...]
    points: tuple[OperatingPoint, ...]

    @classmethod
    def derive(cls, policy_set: PolicySet, evidence: Evidence) -> Self:
        """Points of every market that the policy set has objectives for."""
        severities = {policy.key: policy.severity for policy in policy_set.policies}
        points: list[OperatingPoint] = []
        for market, objectives in policy_set.objectives.items():
            automatic = _automatic(market, objectives, evidence)
            points += automatic
            points += _review(
                market, objectives, evidence, automatic, [severities[p] for p in evidence.policies]
            )
        return cls(policies=evidence.policies, points=tuple(points))

    @property
    def markets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(point.market for point in self.points))

    def of(self, market: str) -> list[OperatingPoint]:
        return [point for point in self.points if point.market == market]

    def without_automatic_action(self, market: str = DEFAULT_MARKET) -> tuple[str, ...]:
        """Policies that only people act on in this market."""
        acted = {
            p.policy for p in self.of(market) if p.threshold is not None and p.action is not Action.REVIEW
        }
        return tuple(policy for policy in self.policies if policy not in acted)

    @cached_property
    def _thresholds(self) -> dict[str, Floats]:
        return {market: _matrix(self.policies, self.of(market)) for market in self.markets}

    def decide(
        self, scores: Floats, markets: Sequence[str | None]
    ) -> tuple[list[Action], list[tuple[Reason, ...]]]:
        """The strongest action that any policy asks for, and each policy's reason, strongest first.

        scores: calibrated, [N, P]; a market without points of its own is decided by the default ones.
        """
        known = self._thresholds
        names = [market if market in known else DEFAULT_MARKET for market in markets]
        thresholds = np.array([known[name] for name in names]).reshape(
            len(names), len(self.policies), len(STRENGTH)
        )
        asked = strongest(thresholds, scores)
        reasons = [self._reasons(*row) for row in zip(names, scores, thresholds, asked, strict=True)]
        return [found[0].action if found else Action.ALLOW for found in reasons], reasons

    def _reasons(
        self, market: str, scores: Floats, thresholds: Floats, asked: NDArray[np.integer]
    ) -> tuple[Reason, ...]:
        hits = sorted(np.flatnonzero(asked), key=lambda i: (-asked[i], -scores[i]))
        return tuple(
            Reason(
                policy=self.policies[i],
                score=float(scores[i]),
                threshold=float(thresholds[i, asked[i]]),
                action=STRENGTH[asked[i]],
                market=market,
            )
            for i in hits
        )


def _automatic(market: str, objectives: Objectives, evidence: Evidence) -> list[OperatingPoint]:
    actions = [
        action for action in STRENGTH if action in objectives.precision and action is not Action.REVIEW
    ]
    return [
        _point(market, policy, action, objectives, evidence)
        for policy in evidence.policies
        for action in actions
    ]


def _point(
    market: str, policy: str, action: Action, objectives: Objectives, evidence: Evidence
) -> OperatingPoint:
    """From the market's own judgements where it has enough of them, otherwise from those of all markets."""
    labels, scores = (
        table[:, evidence.policies.index(policy)] for table in (evidence.labels, evidence.scores)
    )
    violates, known, inside = labels >= MAJORITY, ~np.isnan(labels), evidence.inside(market)
    enough = int((violates & inside).sum()) >= objectives.minimum_judgements
    used = known & inside if enough else known
    objective, violations = objectives.precision[action], int(violates[used].sum())
    counts = {"judged": int(used.sum()), "violations": violations, "basis": "market" if enough else "pooled"}
    point = {
        "market": market,
        "policy": policy,
        "action": action,
        "objective": objective,
        "threshold": None,
    } | counts
    if violations < objectives.minimum_judgements:
        note = f"too few judged violations: {violations} of {objectives.minimum_judgements}"
        return OperatingPoint.model_validate(point | {"note": note})
    found, best = smallest_proven(scores[used], violates[used], objective)
    if found is None:
        note = f"no threshold is proven to reach precision {objective:.2f}; the best bound is {best:.2f}"
        return OperatingPoint.model_validate(point | {"note": note})
    proven = {"threshold": found.at, "precision": found.precision, "lower_bound": found.lower_bound}
    return OperatingPoint.model_validate(point | proven | {"recall": found.recall})


def _review(
    market: str, objectives: Objectives, evidence: Evidence, automatic: list[OperatingPoint], severities: list[int]
) -> list[OperatingPoint]:  # fmt: skip
    inside, share = evidence.inside(market), objectives.review_share
    basis: Basis = "market" if share * inside.sum() >= LEAST_REVIEWED else "pooled"
    scores = evidence.scores[inside] if basis == "market" else evidence.scores
    level = review_level(_matrix(evidence.policies, automatic), scores, np.array(severities), share)
    return [
        OperatingPoint(
            market=market,
            policy=policy,
            action=Action.REVIEW,
            objective=share,
            basis=basis,
            threshold=level / severity if level <= severity else None,
            note="" if level <= severity else "the review share is spent on severer policies",
        )
        for policy, severity in zip(evidence.policies, severities, strict=True)
    ]


def _matrix(policies: Sequence[str], points: Sequence[OperatingPoint]) -> Floats:
    """Thresholds [P, actions]; infinite where an action is not taken."""
    matrix = np.full((len(policies), len(STRENGTH)), np.inf)
    for point in points:
        if point.threshold is not None:
            matrix[policies.index(point.policy), STRENGTH.index(point.action)] = point.threshold
    return matrix
