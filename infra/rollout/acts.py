"""What a person may do to a rollout, and the way back from a promotion."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from infra.registry import RegisteredVersion
from infra.rollout.rollout import Rollout
from infra.rollout.store import NoRolloutError, RolloutIsOverError, Store
from models.errors import UserError

Step = Callable[[Rollout, str], Rollout]


class NoWayBackError(UserError):
    """There is no earlier champion to go back to."""


def _pause(rollout: Rollout, why: str) -> Rollout:
    return rollout.waiting("paused", why)


def _resume(rollout: Rollout, why: str) -> Rollout:
    if rollout.status == "running":
        raise RolloutIsOverError(
            f"the rollout of version {rollout.challenger} is running; there is nothing to resume"
        )
    return rollout.resumed(datetime.now(UTC), why)


def _abort(rollout: Rollout, why: str) -> Rollout:
    return rollout.stopped("rolled back", why)


def _promote(rollout: Rollout, why: str) -> Rollout:
    return rollout.stopped("promoted", why)


ACTS: dict[str, Step] = {"pause": _pause, "resume": _resume, "abort": _abort, "promote": _promote}
ENDS = ("abort", "promote")


def act(store: Store, name: str, why: str, who: str = "") -> Rollout:
    """Pause, resume, abort or promote the running rollout; raises NoRolloutError, RolloutIsOverError.

    who: the person whose process this is when nobody is named.
    """
    running = store.running()
    if running is None:
        raise NoRolloutError("no rollout is running; moderato retrain begins one")

    def step(rollout: Rollout) -> Rollout:
        if rollout.is_over:
            raise RolloutIsOverError(f"the rollout of version {rollout.challenger} is over: {rollout.status}")
        if rollout.status == "held" and name not in ENDS:
            raise RolloutIsOverError(
                f"version {rollout.challenger} has passed every stage and waits for a decision: promote or abort"
            )
        return ACTS[name](rollout, why)

    return store.change(running.challenger, name, step, who)


def withdraw_rollout(store: Store, version: int, why: str) -> None:
    """Take all traffic from a version whose rollout nobody drives any more; nothing where it has none."""
    rollout = store.load(version)
    if rollout is not None and not rollout.is_over:
        store.change(version, "abort", lambda it: it if it.is_over else _abort(it, why))
    store.registry.dismiss(version)


def roll_back(store: Store, version: int | None, why: str) -> tuple[RegisteredVersion, RegisteredVersion]:
    """The champion that decides no more, and the one that decides again: `version`, or the champion before.

    At once and past all stages; a rollout that is running is stopped, for it compares with who is gone.
    """
    champion = store.registry.champion()
    if champion is None:
        raise NoWayBackError("nobody decides yet; moderato retrain trains a first champion")
    if version is None and not champion.previous_champion:
        raise NoWayBackError(
            f"version {champion.version} is the first champion; name another one with --to VERSION"
        )
    restored = store.registry.resolve(str(version or champion.previous_champion))
    store.registry.restore(restored.version)
    store.record("roll back", restored.version, f"from version {champion.version}: {why}")
    running = store.running()
    if running is not None and not running.is_over:
        store.change(
            running.challenger,
            "abort",
            lambda rollout: _abort(rollout, f"version {champion.version} rolled back"),
        )
    return champion, restored
