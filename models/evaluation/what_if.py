"""What if: other objectives on the scores that a model gave already. No training; what changes, and how sure that is.

Thresholds are derived anew from the judged posts that the model's own came from, and both decide the same posts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.domain.content import Action
from models.domain.policy import PolicySet
from models.evaluation.operating_points import JudgedScores, OperatingPoints
from models.evaluation.thresholds import MAJORITY

Flags = NDArray[np.bool_]

LEVEL = 0.95  # of the intervals
ALL = "all markets"
ANY = "any policy"


class Change(BaseModel):
    """How often one thing happens of all posts of a market, now and then; `low` and `high` hold the difference.

    `gained` and `lost` count the posts that it happens to only then, and only now.
    """

    model_config = ConfigDict(frozen=True)

    market: str
    subject: str = Field(description="the policy that asks for an action, or any policy")
    action: Action
    posts: int
    now: float = Field(description="share of the posts")
    then: float
    gained: int
    lost: int
    low: float
    high: float

    @property
    def is_change(self) -> bool:
        return self.gained + self.lost > 0


class Missed(BaseModel):
    """Of the judged violations of a policy, how many are neither acted on nor reviewed; of the others, how many are."""

    model_config = ConfigDict(frozen=True)

    policy: str
    violations: int
    missed_now: int
    missed_then: int
    harmless: int
    acted_now: int
    acted_then: int


class WhatIf(BaseModel):
    """What another set of objectives does on the same scores."""

    model_config = ConfigDict(frozen=True)

    posts: int
    changed: int = Field(description="posts whose action is another")
    changes: tuple[Change, ...]
    missed: tuple[Missed, ...]
    unscored: tuple[str, ...] = Field(description="policies of the set that the model has no score for")
    dropped: tuple[str, ...] = Field(description="policies that the model knows and the set does not")


@dataclass(frozen=True)
class Traffic:
    """Posts as they come; scores: calibrated [N, P] in the order of `policies`; markets: [N]."""

    policies: tuple[str, ...]
    scores: NDArray[np.floating]
    markets: NDArray[np.str_]


def what_if(
    now: OperatingPoints,
    policy_set: PolicySet,
    evidence: JudgedScores,
    traffic: Traffic,
    judged: JudgedScores,
) -> WhatIf:
    """Decide `traffic` by `now` and by thresholds that `policy_set` derives from `evidence`.

    judged: posts that neither thresholds were derived from, for what slips through.
    """
    shared = tuple(policy for policy in now.policies if policy in policy_set.keys)
    then = OperatingPoints.derive(policy_set, only(evidence, shared))
    before, after = asked(now, traffic), asked(then, _traffic(traffic, shared))
    return WhatIf(
        posts=len(traffic.markets),
        changed=int((before.action != after.action).sum()),
        changes=tuple(_changes(traffic.markets, before, after)),
        missed=tuple(_missed(now, then, judged, shared)),
        unscored=tuple(key for key in policy_set.keys if key not in now.policies),
        dropped=tuple(policy for policy in now.policies if policy not in shared),
    )


def only(evidence: JudgedScores, policies: tuple[str, ...]) -> JudgedScores:
    """The evidence of these policies alone."""
    columns = [evidence.policies.index(policy) for policy in policies]
    assessed = tuple(policy for policy in evidence.known if policy in policies)
    unjudged = None if evidence.unjudged is None else evidence.unjudged.only(columns)
    return JudgedScores(
        policies,
        evidence.scores[:, columns],
        evidence.labels[:, columns],
        evidence.markets,
        assessed,
        unjudged,
    )


def _traffic(traffic: Traffic, policies: tuple[str, ...]) -> Traffic:
    return Traffic(
        policies, traffic.scores[:, [traffic.policies.index(policy) for policy in policies]], traffic.markets
    )


@dataclass(frozen=True)
class Asked:
    """What is done with each post, [N], and what each policy asks for, [N] by policy."""

    action: NDArray[np.str_]
    policies: dict[str, NDArray[np.str_]]


def asked(points: OperatingPoints, traffic: Traffic) -> Asked:
    """The decisions of these thresholds."""
    actions, reasons = points.decide(traffic.scores, traffic.markets.tolist())
    by_policy = {policy: np.full(len(actions), str(Action.ALLOW), "U16") for policy in points.policies}
    for place, found in enumerate(reasons):
        for reason in found:
            by_policy[reason.policy][place] = str(reason.action)
    return Asked(np.array([str(action) for action in actions], "U16"), by_policy)


def _changes(markets: NDArray[np.str_], before: Asked, after: Asked) -> Iterator[Change]:
    everywhere = np.full(len(markets), True)
    inside = {ALL: everywhere} | {str(market): markets == market for market in np.unique(markets)}
    nothing = np.full(len(markets), str(Action.ALLOW), "U16")
    for market, mask in inside.items():
        for action in Action:
            yield _change(market, ANY, action, before.action[mask] == action, after.action[mask] == action)
        for policy, asked_now in before.policies.items():
            asked_then = after.policies.get(policy, nothing)
            for action in Action:
                if action is not Action.ALLOW:
                    yield _change(
                        market, policy, action, asked_now[mask] == action, asked_then[mask] == action
                    )


def _change(market: str, subject: str, action: Action, now: Flags, then: Flags) -> Change:
    posts, gained, lost = len(now), int((then & ~now).sum()), int((now & ~then).sum())
    low, high = difference(gained, lost, posts)
    return Change(
        market=market,
        subject=subject,
        action=action,
        posts=posts,
        now=float(now.mean()) if posts else 0.0,
        then=float(then.mean()) if posts else 0.0,
        gained=gained,
        lost=lost,
        low=low,
        high=high,
    )


def difference(gained: int, lost: int, posts: int) -> tuple[float, float]:
    """Bounds of a difference of paired shares: each side's exact bounds (Clopper and Pearson, 1934), shared out.

    They hold at LEVEL at least, and are never of no width: no change among a hundred posts is no proof of none. Posts
    are taken for independent; reposts under other ids make the bounds too narrow.
    """
    from scipy.stats import beta

    if not posts:
        return -1.0, 1.0
    tail = (1 - LEVEL) / 4

    def least(count: int) -> float:
        return float(beta.ppf(tail, count, posts - count + 1)) if count else 0.0

    def most(count: int) -> float:
        return float(beta.ppf(1 - tail, count + 1, posts - count)) if count < posts else 1.0

    return least(gained) - most(lost), most(gained) - least(lost)


def _missed(
    now: OperatingPoints, then: OperatingPoints, judged: JudgedScores, shared: tuple[str, ...]
) -> Iterator[Missed]:
    """Over policies that both know: a violation is caught where any policy has the post acted on or reviewed."""
    posts = Traffic(judged.policies, judged.scores, judged.markets)
    let_now = asked(now, posts).action == Action.ALLOW
    let_then = asked(then, _traffic(posts, shared)).action == Action.ALLOW
    for policy in shared:
        labels = judged.labels[:, judged.policies.index(policy)]
        violates, complies = labels >= MAJORITY, labels < MAJORITY
        yield Missed(
            policy=policy,
            violations=int(violates.sum()),
            missed_now=int((violates & let_now).sum()),
            missed_then=int((violates & let_then).sum()),
            harmless=int(complies.sum()),
            acted_now=int((complies & ~let_now).sum()),
            acted_then=int((complies & ~let_then).sum()),
        )
