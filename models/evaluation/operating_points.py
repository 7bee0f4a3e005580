"""Operating points: the threshold of each market, policy and action, derived from the market's objectives.

An automatic action takes the smallest threshold whose precision is proven: its lower confidence bound, not its
estimate, meets the objective; where unjudged posts are known to violate by lower odds than the judged ones, for those.
A market whose own posts do not prove one borrows what all markets together prove, unless
its own posts rule that out. A person reviews what is left, the likely and severe first, up to the review share. A
policy that nobody judged is not assessed: no action, no share of the reviews. The review share is one of unjudged posts
where there are enough: people cannot review the share that a threshold on suspicious posts would send them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.domain.content import Action, Reason
from models.domain.policy import DEFAULT_MARKET, Objectives, PolicySet
from models.evaluation.prevalence import LEAST_UNJUDGED, Prevalence, prevalence_of
from models.evaluation.thresholds import (
    MAJORITY,
    STRENGTH,
    Threshold,
    least_violations,
    more_violations,
    review_level,
    share_at_most,
    smallest_proven,
    strongest,
)
from models.evaluation.unjudged import Taken, Unjudged, among_judged, among_unjudged, withheld

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]
Basis = Literal["market", "pooled"]

LEAST_REVIEWED = 10  # posts that a review share must amount to before a market's own are used
NOT_ASSESSED = "nobody judged a post for it: it is not assessed"


class OperatingPoint(BaseModel):
    """`threshold` is None where the action is not taken; `note` then says why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    market: str
    policy: str
    action: Action
    threshold: float | None
    objective: float = Field(description="least precision; for review, the share of posts")
    precision: float | None = Field(default=None, description="achieved on the calibration data")
    lower_bound: float | None = Field(
        default=None, description="one-sided bound of the precision, of 95 % or more"
    )
    recall: float | None = None
    judged: int = 0
    violations: int = 0
    basis: Basis = Field(default="market", description="whose posts it was derived from")
    note: str = ""
    missing: int | None = Field(
        default=None,
        description="judged violations more that would prove a threshold; None where none is missing, or none would",
    )
    withheld: bool = Field(
        default=False,
        exclude_if=lambda withheld: not withheld,  # a release before reads what it knows
        description="whether unjudged posts speak against it, which are not as the judged ones",
    )


@dataclass(frozen=True)
class JudgedScores:
    """Judged posts; scores: calibrated [N, P]; labels: share of judgements [N, P], NaN for unknown; markets: [N].

    `assessed` are the policies that anybody judged, here or in what was learned from; by these posts alone where that
    is None.
    """

    policies: tuple[str, ...]
    scores: Floats
    labels: Floats
    markets: NDArray[np.str_]
    assessed: tuple[str, ...] | None = None
    unjudged: Unjudged | None = None

    @property
    def traffic(self) -> JudgedScores | Unjudged:
        """The posts that a share of the reviews is a share of."""
        enough = self.unjudged is not None and len(self.unjudged) >= LEAST_UNJUDGED
        return self.unjudged if enough and self.unjudged is not None else self

    def prevalence(self, policy: str, market: str = DEFAULT_MARKET) -> Prevalence | None:
        """What is known of it among unjudged posts: the market's own where there are enough, by the scores that the
        classes have in all markets together.
        """
        if self.unjudged is None:
            return None
        if not self._has_own(self.unjudged, market):
            return self.unjudged.prevalence.get(policy)
        own = self.unjudged_scores(policy, market)
        return prevalence_of(policy, *self.judged(policy), own, policies=len(self.policies))

    def unjudged_scores(self, policy: str, market: str) -> Floats:
        """[M] of the market's own posts that nobody judged, of all markets where there are too few."""
        if self.unjudged is None:
            return np.empty(0)
        own = self._has_own(self.unjudged, market)
        used = self.unjudged.inside(market if own else DEFAULT_MARKET)
        return self.unjudged.scores[used, self.policies.index(policy)]

    @staticmethod
    def _has_own(unjudged: Unjudged, market: str) -> bool:
        """Whether enough unjudged posts are of this market alone."""
        return market != DEFAULT_MARKET and int(unjudged.inside(market).sum()) >= LEAST_UNJUDGED

    @property
    def known(self) -> tuple[str, ...]:
        """The policies that are assessed."""
        if self.assessed is not None:
            return self.assessed
        return tuple(policy for policy in self.policies if len(self.judged(policy)[1]))

    def judged(self, policy: str, market: str = DEFAULT_MARKET) -> tuple[Floats, Flags]:
        """Scores and violations [M] of the posts that were judged for a policy, in one market or all."""
        column = self.policies.index(policy)
        used = self.inside(market) & ~np.isnan(self.labels[:, column])
        return self.scores[used, column], self.labels[used, column] >= MAJORITY

    def inside(self, market: str) -> Flags:
        return np.full(len(self.markets), True) if market == DEFAULT_MARKET else self.markets == market


class OperatingPoints(BaseModel):
    """`assessed` is None in a bundle of before, which gave every policy a score; `derived_from` names splits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policies: tuple[str, ...]
    points: tuple[OperatingPoint, ...]
    assessed: tuple[str, ...] | None = None
    derived_from: tuple[str, ...] = ("calibration", "validation")

    @classmethod
    def derive(
        cls,
        policy_set: PolicySet,
        evidence: JudgedScores,
        derived_from: Sequence[str] = ("calibration", "validation"),
    ) -> Self:
        """Points of every market that the policy set has objectives for."""
        severities = {policy.key: policy.severity for policy in policy_set.policies}
        points: list[OperatingPoint] = []
        for market, objectives in policy_set.objectives.items():
            automatic = _automatic(market, objectives, evidence)
            points += automatic
            points += _review(
                market, objectives, evidence, automatic, [severities[p] for p in evidence.policies]
            )
        return cls(
            policies=evidence.policies,
            points=tuple(points),
            assessed=evidence.known,
            derived_from=tuple(derived_from),
        )

    @property
    def not_assessed(self) -> tuple[str, ...]:
        """Policies that nobody judged: what a model says of those is no more than where it began."""
        return tuple(p for p in self.policies if self.assessed is not None and p not in self.assessed)

    @property
    def markets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(point.market for point in self.points))

    def of(self, market: str) -> list[OperatingPoint]:
        return [point for point in self.points if point.market == market]

    def threshold(self, like: OperatingPoint) -> float:
        """Where these act for the same market and policy in the same way; infinite where they do not."""
        column = self.policies.index(like.policy), STRENGTH.index(like.action)
        return float(self._thresholds[like.market][column])

    def without_automatic_action(self, market: str = DEFAULT_MARKET) -> tuple[str, ...]:
        """Policies that only people act on in this market."""
        acted = {
            p.policy for p in self.of(market) if p.threshold is not None and p.action is not Action.REVIEW
        }
        return tuple(policy for policy in self.policies if policy not in acted)

    @cached_property
    def _thresholds(self) -> dict[str, Floats]:
        return {market: _matrix(self.policies, self.of(market)) for market in self.markets}

    def asked(self, scores: Floats, market: str) -> NDArray[np.integer]:
        """Index into STRENGTH [N, P] of what each policy asks for in this market; scores: calibrated, [N, P]."""
        known = self._thresholds
        return strongest(known.get(market, known[DEFAULT_MARKET]), scores)

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


def _automatic(market: str, objectives: Objectives, evidence: JudgedScores) -> list[OperatingPoint]:
    actions = [
        action for action in STRENGTH if action in objectives.precision and action is not Action.REVIEW
    ]
    return [
        _point(market, policy, action, objectives, evidence)
        for policy in evidence.policies
        for action in actions
    ]


def _point(
    market: str, policy: str, action: Action, objectives: Objectives, evidence: JudgedScores
) -> OperatingPoint:
    """From the market's own judgements where they prove a threshold, otherwise from those of all markets."""
    own = evidence.judged(policy, market)
    enough = int(own[1].sum()) >= objectives.minimum_judgements
    promised, estimate = objectives.precision[action], evidence.prevalence(policy)
    odds = 1.0 if estimate is None else estimate.least_odds
    objective = among_judged(promised, odds)
    found = smallest_proven(*own, objective)[0] if enough else None
    used, basis = (
        (own, "market")
        if found or (enough and market == DEFAULT_MARKET)
        else (evidence.judged(policy), "pooled")
    )
    violations, note, unlike = int(used[1].sum()), "", ""
    if policy not in evidence.known:
        note = NOT_ASSESSED
    elif violations < objectives.minimum_judgements:
        note = f"too few judged violations: {violations} of {objectives.minimum_judgements}"
    elif found is None:
        found, best = smallest_proven(*used, objective)
        note = _doubt(found, best, objective, own)
        if note and estimate is not None and estimate.may_be_none:
            note = unlike = (
                f"unjudged posts may hold no violation; {estimate.told}; judge a random sample of them"
            )
        elif note and estimate is not None and odds < 1:
            note += f", for {promised:.2f} among unjudged ones; {estimate.told}"
    if found is not None and not note:
        taken = Taken(policy, market, action, found.at, promised)
        there = evidence.unjudged_scores(policy, market), evidence.prevalence(policy, market)
        note = unlike = withheld(taken, *used, *there)
    return OperatingPoint(
        market=market,
        policy=policy,
        action=action,
        objective=promised,
        basis=cast("Basis", basis),
        judged=len(used[1]),
        violations=violations,
        note=note,
        missing=_missing(used, objectives, objective) if note and not unlike and found is None else None,
        withheld=bool(unlike),
        **({"threshold": None} if note or found is None else _proof(found, odds)),
    )


def _proof(found: Threshold, odds: float) -> dict[str, float]:
    return {
        "threshold": found.at,
        "precision": among_unjudged(found.precision, odds),
        "lower_bound": among_unjudged(found.lower_bound, odds),
        "recall": found.recall,
    }


def _doubt(found: Threshold | None, best: float, objective: float, own: tuple[Floats, Flags]) -> str:
    """Why what all markets prove does not hold for one; empty where it may."""
    if found is None:
        digits = 4 if 0.99 < objective < 1 else 2  # noqa: PLR2004 - 1.00 would say that nothing does
        asked, reached = f"{objective:.{digits}f}", f"{best:.{digits}f}"
        return f"no threshold is proven to reach precision {asked}; the best bound is {reached}"
    flagged = own[0] >= found.at
    most = share_at_most(int((own[1] & flagged).sum()), int(flagged.sum()))
    if most >= objective:
        return ""
    return (
        f"all markets together prove a threshold, but this one's own posts reach precision {most:.2f} at most"
    )


def _missing(used: tuple[Floats, Flags], objectives: Objectives, objective: float) -> int | None:
    violations = int(used[1].sum())
    if not violations:
        least = max(objectives.minimum_judgements, least_violations(objective))
        return int(least) if math.isfinite(least) else None
    more = more_violations(*used, objective)
    return None if more is None else max(more, objectives.minimum_judgements - violations)


def _review(
    market: str, objectives: Objectives, evidence: JudgedScores, automatic: list[OperatingPoint], severities: list[int]
) -> list[OperatingPoint]:  # fmt: skip
    traffic, share = evidence.traffic, objectives.review_share
    inside = traffic.inside(market)
    basis: Basis = "market" if share * inside.sum() >= LEAST_REVIEWED else "pooled"
    scores = traffic.scores[inside] if basis == "market" else traffic.scores
    weights = np.where(np.isin(evidence.policies, evidence.known), severities, 0)
    level = review_level(_matrix(evidence.policies, automatic), scores, weights, share)
    return [
        OperatingPoint(
            market=market,
            policy=policy,
            action=Action.REVIEW,
            objective=share,
            basis=basis,
            threshold=level / weight if weight and level <= weight else None,
            note=_unreviewed(level, weight, share),
        )
        for policy, weight in zip(evidence.policies, weights.tolist(), strict=True)
    ]


def _unreviewed(level: float, weight: int, share: float) -> str:
    """Why nothing goes to review for a policy; empty where something does."""
    if not weight:
        return NOT_ASSESSED
    if level <= weight:
        return ""
    if not share:
        return "the review share is 0"
    if math.isinf(level):
        return "every post that was looked at is acted on without a person"
    return "the review share is spent on severer policies"


def _matrix(policies: Sequence[str], points: Sequence[OperatingPoint]) -> Floats:
    """Thresholds [P, actions]; infinite where an action is not taken."""
    matrix = np.full((len(policies), len(STRENGTH)), np.inf)
    for point in points:
        if point.threshold is not None:
            matrix[policies.index(point.policy), STRENGTH.index(point.action)] = point.threshold
    return matrix
