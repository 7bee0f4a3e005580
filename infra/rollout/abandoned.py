"""A rollout that nobody drives: its challenger takes no traffic until another controller follows."""

from __future__ import annotations

from datetime import datetime, timedelta

from infra.rollout.controller import driving
from infra.rollout.rollout import Rollout
from infra.rollout.store import Store

ABANDONED_AFTER = timedelta(minutes=2)  # after the end of its controller's lease
WHO = "moderato"


def rest_unattended(store: Store, now: datetime) -> Rollout | None:
    """Give a rollout's traffic back to the champion where its controller went silent; None where there is no need.

    The next controller goes on at the same stage.
    """
    rollout = store.running()
    if rollout is None or rollout.is_over or rollout.status == "held" or rollout.rests:
        return None
    since = driving(store, rollout.challenger).ended() or rollout.began
    if now < since + ABANDONED_AFTER:
        return None
    why = f"nobody has driven it since {since:%H:%M} UTC; moderato retrain goes on with it, moderato canary abort ends"
    return rest(store, rollout.challenger, why)


def rest(store: Store, version: int, why: str) -> Rollout:
    """Give the traffic of a version's rollout back to the champion until a controller drives it again."""

    def step(rollout: Rollout) -> Rollout:
        stands = rollout.is_over or rollout.status == "held" or rollout.rests
        return rollout if stands else rollout.resting(why)

    return store.change(version, "rest", step, WHO)
