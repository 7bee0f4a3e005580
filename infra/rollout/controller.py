"""Drives one rollout: reads what its stage has shown, asks the judge, and lets it climb, wait or end.

All that it knows is in the registry and the lake, so that one that is killed is followed by another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

from infra.rollout.incident import incident
from infra.rollout.judge import StageVerdict, judge
from infra.rollout.lease import Lease, LeaseTakenError
from infra.rollout.observation import Observation
from infra.rollout.rollout import Rollout
from infra.rollout.stages import plan_named
from infra.rollout.store import CONTROLLER, NoRolloutError, Store
from infra.rollout.transition import moved

LEASE = 30.0  # seconds after which another controller may take over from one that went silent
FINISHED = "it decides already: its promotion was cut short, and is finished"
NO_TRAFFIC_FOR = timedelta(seconds=30)  # without a post, after which a stage waits for traffic


class AlreadyDrivenError(LeaseTakenError):
    """Another controller drives this rollout."""


def driving(store: Store, version: int) -> Lease:
    """The lease of whoever drives the rollout of a version."""
    return Lease(store.lake, f"driving version {version} of {store.registry.name}", LEASE)


@dataclass(frozen=True)
class Step:
    """A rollout after one look at it."""

    rollout: Rollout
    judgement: StageVerdict
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
    _grown: tuple[str, int, int, datetime] | None = None  # rollout, stage and posts, and when they grew last
    _known: Rollout | None = None

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
        rollout = self._clocked(rollout, posts)
        act, after = moved(rollout, judgement, posts, self.now())
        if after != rollout:
            rollout = self._change(act, rollout, after)
        return Step(rollout, judgement, posts)

    def _current(self) -> Rollout:
        """The rollout as it stands, ended where the challenger or what it compares with is gone."""
        registry = self.store.registry
        if registry.version(self.version) is None and self._known is not None:
            gone = f"version {self.version} was deleted in MLflow"
            if not self._known.is_over:
                self._known = self.store.end_without_version(self._known, gone)
            return self._known
        self._known = rollout = self.store.load(self.version)
        if rollout is None:
            raise NoRolloutError(f"version {self.version} has no rollout; moderato retrain begins one")
        champion, challenger = registry.champion(), registry.challenger()
        decides = champion.version if champion else 0
        if rollout.is_over:
            return rollout
        if decides == self.version:  # whoever promotes it was killed, or is still about to note it
            return self.store.change(
                self.version,
                "promote",
                lambda it: it if it.is_over else it.stopped("promoted", FINISHED),
                CONTROLLER,
            )
        if decides != rollout.champion:
            return self._end(
                f"version {rollout.champion} is no longer the champion, {self._now_decides(decides)}"
            )
        if challenger is None or challenger.version != self.version:
            now = f"version {challenger.version} has it" if challenger else "nobody has it"
            return self._end(f"version {self.version} lost the alias challenger, {now}")
        return rollout

    def _end(self, why: str) -> Rollout:
        return self.store.change(
            self.version,
            "roll back",
            lambda it: it if it.is_over else it.stopped("rolled back", why),
            CONTROLLER,
        )

    def _now_decides(self, version: int) -> str:
        if version:
            return f"version {version} is"
        vanished = incident(self.store)
        return vanished.told if vanished else "nobody is"

    def _clocked(self, rollout: Rollout, posts: int) -> Rollout:
        """With its stage's clock standing while no post comes, and going on when one does."""
        if rollout.status != "running" or rollout.rests:
            return rollout
        now, seen = self.now(), self._grown
        if seen is None or seen[:2] != (rollout.id, rollout.stage) or seen[2] < posts:
            self._grown = seen = (rollout.id, rollout.stage, posts, now)
        if rollout.quiet is None and now - seen[3] >= NO_TRAFFIC_FOR:
            return self._change("wait", rollout, rollout.quieted(seen[3], posts))
        if rollout.quiet is not None and posts > rollout.quiet.posts:
            return self._change("go on", rollout, rollout.awake(now))
        return rollout

    def _change(self, act: str, seen: Rollout, after: Rollout) -> Rollout:
        """Keep `after`; a person who has acted since it was read goes before."""
        return self.store.change(
            self.version, act, lambda there: after if there == seen else there, CONTROLLER
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
            follows = seen if seen and seen.rollout.stage < rollout.stage else None
            self._observation = seen = Observation(
                self.store.lake, rollout, self.policies, self.markets, follows
            )
        return seen
