"""How a rollout goes on after a verdict."""

from __future__ import annotations

from datetime import datetime

from infra.rollout.judge import StageVerdict
from infra.rollout.rollout import Rollout

MAX_READINGS = 3  # readings that a reason names


def moved(rollout: Rollout, judgement: StageVerdict, posts: int, now: datetime) -> tuple[str, Rollout]:
    """What is done, by name, and the rollout after it; the same rollout where there is nothing to do.

    posts: how many the challenger decided or saw in this stage. An unhealthy challenger is stopped even while a person
    is asked; only a healthy one climbs, and a stage that stays inconclusive asks a person: one with the posts that a
    verdict takes, for of fewer there is nothing to decide about.
    """
    stage, seconds = rollout.current, rollout.seconds(now)
    enough = posts >= stage.minimum_posts
    why = "; ".join(reading.told for reading in judgement.reasons[:MAX_READINGS])
    if rollout.is_over:
        return "", rollout
    if judgement.verdict == "unhealthy":
        return "roll back", rollout.stopped("rolled back", f"{stage.name}: {why}")
    if rollout.status != "running":
        return "", rollout
    if judgement.verdict == "healthy" and enough and seconds >= stage.minimum_seconds:
        return _up(rollout, now)
    if enough and seconds >= stage.maximum_seconds:
        return "ask", rollout.waiting("asking", f"{stage.name} is inconclusive: {why}")
    return "", rollout


def _up(rollout: Rollout, now: datetime) -> tuple[str, Rollout]:
    if rollout.is_last:
        healthy = f"healthy in all {rollout.stage + 1} stages"
        if rollout.hold:  # nobody watches while a person thinks: the champion decides until then
            return "hold", rollout.stopped("held", f"{healthy}; a person decides about its promotion")
        return "promote", rollout.stopped("promoted", healthy)
    return "climb", rollout.climbed(now)
