"""Another world than the judged one: posts that nobody judged, as a model scores them, and what that means for actions.

People judge what was reported, bought or found suspicious; a champion acts on everything. Where the unjudged posts
only hold fewer violations (label shift), the odds that an action is right shrink by a known factor, and the judged
posts have to prove more. Where their scores are those of no mixture of the judged classes, nothing is corrected: an
action is withheld that meets them more often than it meets judged harmless posts, or than their violations can explain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from models.domain.content import Action
from models.domain.policy import DEFAULT_MARKET
from models.evaluation.prevalence import LEAST_JUDGED, LEAST_UNJUDGED, Prevalence, prevalence_of
from models.evaluation.report import Figure
from models.evaluation.thresholds import ERROR_RATE, MAJORITY, share_at_least, share_at_most

LEVELS = np.linspace(0, 0.9, 10)  # quantiles of the scores of judged violations

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Unjudged:
    """scores: calibrated, as they are served [M, P]; markets: [M]; prevalence by policy."""

    scores: Floats
    markets: NDArray[np.str_]
    prevalence: Mapping[str, Prevalence]

    def __len__(self) -> int:
        return len(self.markets)

    def inside(self, market: str) -> Flags:
        return np.full(len(self.markets), True) if market == DEFAULT_MARKET else self.markets == market

    def only(self, columns: list[int]) -> Unjudged:
        """The scores of these policies alone."""
        return replace(self, scores=self.scores[:, columns])


class Acted(BaseModel):
    """How often one action is taken without a person: `judged` and `share` of `posts` unjudged ones.

    `low` is the one-sided 95 % lower bound of `share`. `limit` is the largest share that is plausible: as many posts
    as can violate at the promised precision, and, where scores say nothing of that, no more than are acted on of judged
    harmless ones; None where neither is known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: str
    market: str
    action: Action
    judged: float | None
    share: float
    low: float
    posts: int
    prevalence: Figure
    limit: float | None

    @property
    def is_plausible(self) -> bool:
        return self.limit is None or self.low <= self.limit


class OnUnjudged(BaseModel):
    """What a candidate makes of posts that nobody judged; `posts` is 0 where there are none.

    `shares` are those of the posts that each action is taken on, where no other objectives hold; empty in a result of
    before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    posts: int
    shares: dict[Action, float] = {}
    prevalence: tuple[Prevalence, ...] = ()
    acted: tuple[Acted, ...] = ()

    @property
    def told(self) -> str:
        """In a line for people."""
        if not self.posts:
            return (
                "No unjudged posts: nothing says whether the posts that it will meet are like the judged ones. Ingest "
                "some of the platform's own without labels."
            )
        if self.posts < LEAST_UNJUDGED:
            return (
                f"{self.posts:,} unjudged posts: too few to tell whether the posts that it will meet are like the "
                f"judged ones, for which it takes {LEAST_UNJUDGED}."
            )
        kinds = {verdict: [it.policy for it in self.prevalence if it.verdict == verdict] for verdict in TOLD}
        named = "; ".join(f"{TOLD[verdict]}: {', '.join(found)}" for verdict, found in kinds.items() if found)
        return f"Held against {self.posts:,} posts that nobody judged. {named[:1].upper()}{named[1:]}."


TOLD = {
    "as judged": "as common as among judged posts",
    "shifted": "of another prevalence, which thresholds follow",
    "unlike": "unlike what was judged, so that actions are withheld where they meet more than harmless judged posts",
    "unknown": "too few posts to tell",
}


def prevalence_by_policy(
    policies: tuple[str, ...], logits: Floats, labels: Floats, unjudged: Floats
) -> dict[str, Prevalence]:
    """Of each policy; logits, labels: [N, P] of judged posts that were not learned from; unjudged: logits [M, P]."""
    found = {}
    for column, policy in enumerate(policies):
        known = ~np.isnan(labels[:, column])
        judged, violates = logits[known, column], labels[known, column] >= MAJORITY
        found[policy] = prevalence_of(
            policy, judged, violates, unjudged[:, column], policies=len(policies), seed=column
        )
    return found


def among_judged(precision: float, odds: float) -> float:
    """What is to be proven among judged posts, for a precision among posts with so many times the odds of a violation.

    Bayes: flagged posts violate by odds that are the prior's times a likelihood ratio, which label shift leaves alone.
    """
    if not precision or odds <= 0:
        return 1.0 if precision else 0.0
    return precision / (precision + (1 - precision) * odds)


def among_unjudged(precision: float, odds: float) -> float:
    """The other way round."""
    return precision * odds / (precision * odds + 1 - precision) if precision else 0.0


@dataclass(frozen=True)
class Taken:
    """One automatic action of one market: from which score on, at which precision."""

    policy: str
    market: str
    action: Action
    at: float
    precision: float


def withheld(
    taken: Taken, scores: Floats, violates: Flags, unjudged: Floats, found: Prevalence | None
) -> str:
    """Why an action may not be taken; empty where it may.

    scores, violates: [N] of judged posts; unjudged: scores [M].
    """
    on = acted_on(taken, scores, violates, unjudged, found)
    if found is None or on.is_plausible:
        return ""
    acts = f"withheld: it would act on {_percent(on.share)} of {on.posts:,} unjudged posts"
    if found.verdict != "unlike":
        return f"{acts}, of which {_percent(on.limit or 0.0)} are plausible at most; {found.told}"
    harmless, share = scores[~violates] >= taken.at, ""
    if len(harmless):
        share = f"of judged harmless posts on {_percent(float(harmless.mean()))}, "
    if (hits := hits_at_most(taken.at, scores[violates], unjudged)) < on.share:
        share += f"at most {_percent(hits)} of those posts are hits, "
    return f"{acts}, {share}and {found.why}"


def hits_at_most(at: float, violating: Floats, unjudged: Floats) -> float:
    """The largest share of unjudged posts that can violate and score `at` or more; 1 where nothing tells.

    violating: scores [V] of judged violations, as which those of unjudged posts score, whatever the harmless ones do:
    from no score on are there more violations than posts, so that each level bounds the prevalence.
    """
    if not len(violating):
        return 1.0
    error = ERROR_RATE / len(LEVELS) / 2  # of both bounds of each level, so that all hold at once
    prevalence = min(
        share_at_most(int((unjudged >= level).sum()), len(unjudged), error)
        / share_at_least(int((violating >= level).sum()), len(violating), error)
        for level in np.quantile(violating, LEVELS, method="lower")
    )
    return min(1.0, prevalence) * share_at_most(int((violating >= at).sum()), len(violating))


def _harmless_at_most(acted: Flags) -> float:
    """The share of harmless posts that is acted on at most; 0 where there are next to none to tell by."""
    return share_at_most(int(acted.sum()), len(acted)) if len(acted) >= LEAST_JUDGED else 0.0


def acted_on(
    taken: Taken, scores: Floats, violates: Flags, unjudged: Floats, found: Prevalence | None
) -> Acted:
    """scores, violates: [N] of judged posts; unjudged: scores [M] of posts of the market; found: their prevalence."""
    acted, posts = int((unjudged >= taken.at).sum()), len(unjudged)
    limit = None
    if found is not None and found.verdict in ("as judged", "shifted") and found.estimate.high is not None:
        limit = min(1.0, found.estimate.high / taken.precision) if taken.precision else None
    elif found is not None and found.verdict == "unlike":
        limit = _harmless_at_most(scores[~violates] >= taken.at)
        if taken.precision:
            limit = min(limit, hits_at_most(taken.at, scores[violates], unjudged) / taken.precision)
    return Acted(
        policy=taken.policy,
        market=taken.market,
        action=taken.action,
        judged=float((scores >= taken.at).mean()) if len(scores) else None,
        share=acted / posts if posts else 0.0,
        low=share_at_least(acted, posts),
        posts=posts,
        prevalence=Figure(value=None) if found is None else found.estimate,
        limit=limit,
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
