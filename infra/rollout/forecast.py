"""How long the stages of a plan take at the traffic of late, before a challenger is let into them.

The arithmetic is that of the judge itself: how many posts it takes to show healthy a challenger that does exactly as
the champion has done. One that does better or worse is told sooner, and chance makes it more or fewer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow.compute as pc

from infra.lake import Lake
from infra.rollout.evidence import SHADOW, Arm, Evidence, Tally
from infra.rollout.guardrail import Guardrail, Spending
from infra.rollout.judge import spending
from infra.rollout.observation import COLUMNS, RECENT
from infra.rollout.stages import Plan, Stage

LATE = timedelta(hours=1)  # whose traffic is that of late
MIN_RATE_SECONDS = 60.0  # seconds that a rate is measured over
MOST_POSTS = 2**30  # beyond which no stage is decided
Spent = Sequence[tuple[Guardrail, Spending]]
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0


@dataclass(frozen=True)
class Traffic:
    """Posts a second, and what the decisions on them were like: errors and latencies."""

    rate: float
    arm: Arm


@dataclass(frozen=True)
class Forecast:
    """`posts`: that the challenger decides or sees copies of until a verdict; infinite where none is to be had."""

    stage: Stage
    posts: float
    seconds: float

    @property
    def in_time(self) -> bool:
        return self.seconds <= self.stage.maximum_seconds

    @property
    def told(self) -> str:
        """In a sentence: how long, of how many posts, and what comes of it where that is too long."""
        if math.isinf(self.posts):
            return (
                f"stage {self.stage.name} cannot be decided: the champion is as bad as its tolerances reach"
            )
        needs = f"stage {self.stage.name} takes about {duration(self.seconds)}, for {self.posts:,.0f} posts"
        if self.in_time:
            return needs
        return f"{needs}, and has {duration(self.stage.maximum_seconds)}: it will ask a person"


def forecast(plan: Plan, traffic: Traffic) -> list[Forecast]:
    """Of every stage, with this traffic as long as it takes."""
    guardrails = [guardrail for guardrail in plan.guardrails() if guardrail.decisive]
    spent = list(zip(guardrails, spending(guardrails, len(plan.stages)), strict=True))
    return [_foreseen(stage, spent, traffic) for stage in plan.stages]


def doubts(plan: Plan, traffic: Traffic | None) -> list[str]:
    """What a person who chooses a plan has to know: the stages that this traffic does not decide in their time."""
    if traffic is None:
        return []
    late = [it for it in forecast(plan, traffic) if not it.in_time]
    return [f"plan {plan.name} at {traffic.rate:.3g} posts a second: {it.told}" for it in late]


def traffic_of_late(lake: Lake, now: datetime | None = None) -> Traffic | None:
    """None where the last hour had too few decisions to tell: none, or those of a minute."""
    if not lake.decisions.exists():
        return None
    since = (now or datetime.now(UTC)) - LATE
    first = max(0, lake.decisions.open().count_rows() - RECENT)
    when = f"role != '{SHADOW}' AND decided_at >= timestamp '{since:%Y-%m-%d %H:%M:%S}'"
    found = lake.decisions.since(first, [*COLUMNS, "decided_at"], when)
    if len(found) < 2:  # noqa: PLR2004 - of one alone there is no rate
        return None
    ends = pc.min_max(found["decided_at"]).as_py()
    seconds = (ends["max"] - ends["min"]).total_seconds()
    if seconds < MIN_RATE_SECONDS:
        return None
    arm = Arm()
    arm.take(found)
    return Traffic(len(found) / seconds, arm)


def duration(seconds: float) -> str:
    """For people: 40 s, 12 min, 3.5 h, 2.1 days."""
    for unit, name, places in ((DAY, "days", 1), (HOUR, "h", 1), (MINUTE, "min", 0)):
        if seconds >= 1.5 * unit:
            return f"{seconds / unit:,.{places}f} {name}"
    return f"{seconds:.0f} s"


def _foreseen(stage: Stage, spent: Spent, traffic: Traffic) -> Forecast:
    posts = _posts_until_healthy(stage, spent, traffic.arm)
    each = traffic.rate * (stage.share or stage.shadow)
    seconds = posts / each if each else math.inf
    return Forecast(stage, posts, max(seconds, stage.minimum_seconds))


def _posts_until_healthy(stage: Stage, spent: Spent, arm: Arm) -> float:
    def shown(posts: int) -> bool:
        evidence = _alike(stage, arm, posts)
        readings = (reading for guardrail, its in spent for reading in guardrail.read(evidence, its))
        return all(reading.verdict == "healthy" for reading in readings)

    enough = stage.minimum_posts
    while not shown(enough):
        enough *= 2
        if enough > MOST_POSTS:
            return math.inf
    few = max(stage.minimum_posts, enough // 2)
    while enough - few > few // 50:  # to two per cent
        middle = (few + enough) // 2
        few, enough = (few, middle) if shown(middle) else (middle, enough)
    return enough


def _alike(stage: Stage, arm: Arm, posts: int) -> Evidence:
    """What so many posts of the challenger show, and those of the champion beside them, where both do the same."""
    others = 1 - stage.share if 0 < stage.share < 1 else stage.shadow if stage.share == 1 else 1.0
    beside = posts * others / (stage.share or stage.shadow or 1.0)
    evidence = Evidence((), (), history=arm)
    return replace(evidence, challenger=_scaled(arm, posts), champion=_scaled(arm, beside))


def _scaled(arm: Arm, posts: float) -> Arm:
    part = posts / max(1, arm.requests.count)
    latencies = np.diff(np.rint(np.cumsum(arm.latencies) * part), prepend=0).astype(np.int64)
    return Arm(requests=Tally(arm.requests.total * part, round(posts)), latencies=latencies)
