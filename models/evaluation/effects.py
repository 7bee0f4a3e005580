"""What a champion will do before it does it: of a thousand posts, by market and policy, and what it cannot do yet.

The posts are those that the network did not learn from, decided by the thresholds that are served. Live traffic is like
them as far as judged posts are: where only suspicious ones were judged, it holds fewer violations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.domain.content import Action
from models.domain.policy import DEFAULT_MARKET, PolicySet, market_name
from models.evaluation.operating_points import JudgedScores, OperatingPoint, OperatingPoints
from models.evaluation.predictions import Scored
from models.evaluation.prevalence import LEAST_UNJUDGED
from models.evaluation.thresholds import MAJORITY, STRENGTH, share_at_most
from models.evaluation.unjudged import OnUnjudged, Taken, acted_on

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]

OWN = (
    100  # posts of a market from which on it is shown by its own posts; else all posts are decided as its own
)
THOUSAND = 1000
MINUTE = 60.0


class Shown(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Effect(Shown):
    """Counts of posts by what is done with them: by one policy, or by all together where `policy` is empty.

    `violations` are those of the `judged` posts that people saw a violation in, for all policies together in any, and
    `passed` those of them that are allowed.
    """

    policy: str
    posts: int
    actions: dict[Action, int]
    judged: int
    violations: int
    passed: int

    def per_thousand(self, action: Action) -> float:
        """Of a thousand posts, how many this is done with."""
        return THOUSAND * self.actions[action] / self.posts if self.posts else 0.0

    @property
    def touched(self) -> int:
        """Posts that are acted on or reviewed."""
        return self.posts - self.actions[Action.ALLOW]

    @property
    def passed_per_thousand(self) -> float | None:
        """Of a thousand posts, how many violate and are allowed; None where nobody judged."""
        return THOUSAND * self.passed / self.judged if self.judged else None

    @property
    def passed_at_most(self) -> float | None:
        """The same, as its one-sided 95 % bound."""
        return THOUSAND * share_at_most(self.passed, self.judged) if self.judged else None


class MarketEffects(Shown):
    """`own` says that the posts are the market's; too few of those, and all posts are decided as if they were."""

    market: str
    own: bool
    together: Effect
    policies: tuple[Effect, ...]
    review_seconds: float = Field(description="that a moderator takes for a post")

    @property
    def review_minutes(self) -> float:
        """Of people's time, for a thousand posts."""
        return self.together.per_thousand(Action.REVIEW) * self.review_seconds / MINUTE


class Gap(Shown):
    """An automatic action that a market asks for and the model does not take.

    `more`: posts that are to be judged to violate the policy, beyond those that were, for it to be taken if they are
    like those; None where more judgements would not do.
    """

    market: str
    policy: str
    action: Action
    why: str
    more: int | None
    withheld: bool = False  # unjudged posts speak against it


class Effects(Shown):
    """`posts` are what it was counted on, `not_assessed` the policies that nobody judged a post for, `unjudged` what it
    makes of posts that nobody judged; None in a result of before.
    """

    posts: int
    markets: tuple[MarketEffects, ...]
    gaps: tuple[Gap, ...]
    not_assessed: tuple[str, ...] = ()
    unjudged: OnUnjudged | None = None

    @property
    def acted(self) -> int:
        """Posts acted on without a person, in the market where most are."""
        return max((m.together.touched - m.together.actions[Action.REVIEW] for m in self.markets), default=0)

    @property
    def reviewed(self) -> int:
        """Posts sent to people, in the market where most are."""
        return max((m.together.actions[Action.REVIEW] for m in self.markets), default=0)

    @property
    def told(self) -> str:
        """In a line for people: what is done with a thousand posts where no other objectives hold."""
        together = self.markets[0].together
        counts = ", ".join(
            f"{action.replace('_', ' ')} {together.per_thousand(action):.0f}" for action in reversed(STRENGTH)
        )
        return f"of 1,000 posts in {market_name(self.markets[0].market)}: {counts}"

    def metrics(self) -> dict[str, float]:
        """Of a thousand posts, by market and action; flat names, as MLflow keeps them."""
        found: dict[str, float] = {}
        for market in self.markets:
            head, all_of_it = f"effects.{market.market}", market.together
            found |= {f"{head}.{action}": all_of_it.per_thousand(action) for action in STRENGTH}
            found[f"{head}.review_minutes"] = market.review_minutes
            if all_of_it.passed_per_thousand is not None:
                found[f"{head}.violations_passed"] = all_of_it.passed_per_thousand
        for it in self.unjudged.acted if self.unjudged else ():
            found[f"unjudged.{it.market}.{it.policy}.{it.action}"] = THOUSAND * it.share
        return found


@dataclass(frozen=True)
class Violations:
    """Posts judged to violate each policy: those that thresholds come from, and those of the whole snapshot."""

    used: dict[str, int]
    total: dict[str, int]
    share: float = (
        1.0  # of the judged posts that thresholds come from, for policies without a violation there
    )

    def more(self, policy: str, missing: int) -> int:
        """How many are to be judged in all for so many more to reach the posts that thresholds come from."""
        used, total = self.used.get(policy, 0), self.total.get(policy, 0)
        share = used / total if used and total else self.share
        return math.ceil(missing / min(1.0, share)) if share else missing


def effects(
    policy_set: PolicySet,
    points: OperatingPoints,
    scored: Scored,
    probabilities: Floats,
    violations: Violations,
    unjudged: OnUnjudged | None = None,
) -> Effects:
    """Of posts that the network did not learn from; probabilities: [N, P], as they are served."""
    assessed = [i for i, policy in enumerate(points.policies) if policy not in points.not_assessed]
    return Effects(
        posts=len(scored),
        markets=tuple(
            _market(
                market, policy_set.objectives[market].review_seconds, points, scored, probabilities, assessed
            )
            for market in points.markets
        ),
        gaps=tuple(_gaps(points, violations)),
        not_assessed=points.not_assessed,
        unjudged=unjudged,
    )


def on_unjudged(points: OperatingPoints, evidence: JudgedScores) -> OnUnjudged:
    """Every automatic action on the unjudged posts: on all of them, and on those of each market that has enough.

    evidence: judged posts that the model did not learn from, with the unjudged ones, as they are served. A market's
    share is held against its own prevalence.
    """
    if (unjudged := evidence.unjudged) is None:
        return OnUnjudged(posts=0)
    acted = []
    for point in points.points:
        inside = unjudged.inside(point.market)
        if point.threshold is None or point.action is Action.REVIEW or inside.sum() < LEAST_UNJUDGED:
            continue
        place = point.policy, point.market
        taken = Taken(*place, point.action, point.threshold, point.objective)
        scores, found = evidence.unjudged_scores(*place), evidence.prevalence(*place)
        acted.append(acted_on(taken, *evidence.judged(point.policy), scores, found))
    known = tuple(found for policy, found in unjudged.prevalence.items() if policy in evidence.known)
    strongest = points.asked(unjudged.scores, DEFAULT_MARKET).max(axis=1, initial=0)
    counts = np.bincount(strongest, minlength=len(STRENGTH)) / max(1, len(unjudged))
    shares = dict(zip(STRENGTH, counts.tolist(), strict=True))
    return OnUnjudged(posts=len(unjudged), shares=shares, prevalence=known, acted=tuple(acted))


def _market(
    market: str,
    seconds: float,
    points: OperatingPoints,
    scored: Scored,
    probabilities: Floats,
    assessed: Sequence[int],
) -> MarketEffects:
    inside = scored.market == market
    own = int(inside.sum()) >= OWN
    used = inside if own else np.full(len(scored), True)
    asked, labels = points.asked(probabilities[used], market), scored.labels[used]
    strongest = asked.max(axis=1, initial=0)
    known = ~np.isnan(labels)
    violates = known & (np.nan_to_num(labels) >= MAJORITY)
    return MarketEffects(
        market=market,
        own=own,
        together=_effect("", strongest, strongest, known.any(axis=1), violates.any(axis=1)),
        policies=tuple(
            _effect(points.policies[i], asked[:, i], strongest, known[:, i], violates[:, i]) for i in assessed
        ),
        review_seconds=seconds,
    )


def _effect(
    policy: str, asked: Integers, strongest: Integers, known: NDArray[np.bool_], violates: NDArray[np.bool_]
) -> Effect:
    """asked, strongest: index into STRENGTH [N] of what this policy, and any, asks for; known, violates: [N]."""
    return Effect(
        policy=policy,
        posts=len(asked),
        actions={action: int((asked == place).sum()) for place, action in enumerate(STRENGTH)},
        judged=int(known.sum()),
        violations=int(violates.sum()),
        passed=int((violates & (strongest == STRENGTH.index(Action.ALLOW))).sum()),
    )


def _gaps(points: OperatingPoints, violations: Violations) -> list[Gap]:
    """Automatic actions that are not taken; of policies that nobody assessed there is one word for all."""

    def gap(point: OperatingPoint) -> Gap:
        more = None if point.missing is None else violations.more(point.policy, point.missing)
        return Gap(
            market=point.market,
            policy=point.policy,
            action=point.action,
            why=point.note,
            more=more,
            withheld=point.withheld,
        )

    return [
        gap(point)
        for point in points.points
        if point.threshold is None
        and point.action is not Action.REVIEW
        and point.policy not in points.not_assessed
    ]
