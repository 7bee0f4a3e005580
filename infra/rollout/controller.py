"""Drives one rollout: reads what its stage has shown, asks the judge, and lets it climb, wait or end.

All that it knows is in the registry and the lake, so that one that is killed is followed by another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from infra.rollout.judge import Judgement, judge
from infra.rollout.lease import Lease, LeaseTakenError
from infra.rollout.observation import Observation
from infra.rollout.rollout import Rollout
from infra.rollout.stages import plan_named
from infra.rollout.store import NoRolloutError, Store
from infra.rollout.transition import moved

LEASE = 30.0  # seconds after which another controller may take over from one that went silent
CONTROLLER = "controller"


class AlreadyDrivenError(LeaseTakenError):
    """Another controller drives this rollout."""


def driving(store: Store, version: int) -> Lease:
    """The lease of whoever drives the rollout of a version."""
    return Lease(store.lake, f"driving version {version} of {store.registry.name}", LEASE)


@dataclass(frozen=True)
class Step:
    """A rollout after one look at it."""

    rollout: Rollout
    judgement: Judgement
    posts: int  # that the challenger decided or saw in this stage


@dataclass
class Controller:
    """`version` is the challenger's; `policies` and `markets` are those that its bundle has thresholds for."""

    store: Store
    version: int
    policies: tuple[str, ...]
    markets: tuple[str, ...]
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    _observation: Observation | None = None

    @cached_property
    def lease(self) -> Lease:
        return driving(self.store, self.version)

    def look(self) -> Step:
        """Judge the stage as it stands and act on the verdict; raises AlreadyDrivenError, NoRolloutError."""
        if not self.lease.ask():
            raise AlreadyDrivenError(
                f"the rollout of version {self.version} is driven by {self.lease.holder()}"
            )
        rollout = self._attended(self._current())
        evidence = self._observed(rollout).read()
        plan = plan_named(rollout.plan)
        judgement = judge(plan.guardrails(rollout.dry_run), evidence, len(plan.stages))
        posts = evidence.challenger.requests.count
        act, after = moved(rollout, judgement, posts, self.now())
        if after != rollout:
            seen = rollout  # a person who has acted since it was read goes before
            rollout = self.store.change(
                self.version, act, lambda there: after if there == seen else there, who=CONTROLLER
            )
        return Step(rollout, judgement, posts)

    def _current(self) -> Rollout:
        """The rollout as it stands, ended where what it compares with is gone."""
        rollout, champion = self.store.load(self.version), self.store.registry.champion()
        if rollout is None:
            raise NoRolloutError(f"version {self.version} has no rollout; moderato retrain begins one")
        decides = champion.version if champion else 0
        if rollout.is_over or decides == rollout.champion:
            return rollout
        if decides == self.version:  # one that was killed while it promoted
            return self.store.change(
                self.version, "promote", lambda it: it.stopped("promoted", "healthy"), CONTROLLER
            )
        gone = f"version {rollout.champion} is no longer the champion, version {decides} is"
        return self.store.change(
            self.version, "roll back", lambda it: it.stopped("rolled back", gone), CONTROLLER
        )

    def _attended(self, rollout: Rollout) -> Rollout:
        """With its stage's traffic again where that rested while nobody drove it."""
        if rollout.status != "running" or not rollout.rests:
            return rollout
        return self.store.change(
            self.version, "go on", lambda it: it.resumed(self.now(), "") if it == rollout else it, CONTROLLER
        )

    def _observed(self, rollout: Rollout) -> Observation:
        seen = self._observation
        if seen is None or (seen.rollout.id, seen.rollout.stage) != (rollout.id, rollout.stage):
            self._observation = seen = Observation(self.store.lake, rollout, self.policies, self.markets)
        return seen
