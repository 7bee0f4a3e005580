"""How a rollout stands for whoever only looks: what its stage has shown, who waits for whom, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from infra.rollout.controller import Step
from infra.rollout.judge import judge
from infra.rollout.observation import Observation
from infra.rollout.rollout import Rollout
from infra.rollout.stages import plan_named
from infra.rollout.store import Store


@dataclass(frozen=True)
class Awaited:
    """`whom` the rollout waits for, empty where it is over; `next`, the command that goes on with it."""

    whom: str
    next: str


SAY = 'moderato canary resume, promote or abort --reason "…"'
ASKS = Awaited("a person, who says whether it waits longer, decides from now on, or ends", SAY)
ASKS_ON_PAGE = Awaited(ASKS.whom, f"answer on the page of its run in Prefect, or {SAY}")
WAITS = {
    "paused": Awaited("a person, who paused it", 'moderato canary resume --reason "…"'),
    "held": Awaited(
        "a person, who approves its promotion",
        'answer where its retraining asks, or moderato canary promote or abort --reason "…"',
    ),
    "promoted": Awaited("", 'moderato rollback --reason "…", should it do harm'),
    "rolled back": Awaited("", "moderato retrain, after new judgements"),
}


def judged(store: Store, rollout: Rollout) -> Step:
    """The stage as it stands, read without a change and without disturbing the controller.

    A rollout of an earlier release does not say which policies and markets its models have: those are left out.
    """
    plan = plan_named(rollout.plan)
    evidence = Observation(store.lake, rollout, rollout.policies, rollout.markets).read()
    judgement = judge(plan.guardrails(rollout.dry_run), evidence, len(plan.stages))
    return Step(rollout, judgement, evidence.challenger.requests.count)


def awaited(rollout: Rollout, posts: int) -> Awaited:
    """Of a rollout whose stage has shown so many posts."""
    if rollout.status == "running":
        return _running(rollout, posts)
    if rollout.status == "asking":  # without traffic where its run was suspended, and its page asks
        return ASKS_ON_PAGE if rollout.rests else ASKS
    return WAITS[rollout.status]


def _running(rollout: Rollout, posts: int) -> Awaited:
    missing = rollout.current.minimum_posts - posts
    if rollout.rests:
        return Awaited("a retraining that drives it", "moderato retrain, the same as before")
    if rollout.quiet is not None:
        return Awaited("traffic", "moderato replay, or an app that asks moderato serve")
    if missing > 0:
        return Awaited(f"{missing:,} more posts", "nothing: it goes on by itself")
    return Awaited(
        "a verdict: more posts, or the end of the stage's least time", "nothing: it goes on by itself"
    )
