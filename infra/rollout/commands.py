"""What a person may do to a rollout, and the way back from a promotion."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from infra.registry import (
    BUNDLES,
    ForeignVersionError,
    LostBundleError,
    RegisteredVersion,
    Registry,
    deciders,
    kept,
    kept_copy,
    register_again,
)
from infra.rollout.incident import Incident, trouble_with
from infra.rollout.rollout import Rollout
from infra.rollout.store import NoRolloutError, RolloutIsOverError, Store
from models.bundle.manifest import TamperedBundleError
from models.domain.errors import UserError

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


def roll_back(
    store: Store, version: int | None, why: str, *, copy: bool = False
) -> tuple[int, RegisteredVersion]:
    """The number of the champion that decides no more, and the version that decides again.

    That is `version`, or the last champion before that is whole; with `copy`, or where none is, a champion that has
    vanished is registered again from its run or from this machine's verified copy. At once and past all stages; a
    rollout that is running is stopped, for it compares with who is gone. Raises NoWayBackError.
    """
    champion = store.registry.champion()
    trouble = trouble_with(store, champion, deep=version is None)
    if champion is None and trouble is None:
        raise NoWayBackError("nobody decides yet; moderato retrain trains a first champion")
    gone = trouble.last.version if trouble else champion.version if champion else 0
    if version is not None:
        restored = store.registry.resolve(str(version))
        store.registry.fetch(restored)
    else:
        restored = _again(store, trouble) if copy else _before(store, champion, trouble)
    restored = store.registry.restore(restored.version)
    store.record("roll back", restored.version, f"from version {gone}: {why}")
    running = store.running()
    if running is not None and not running.is_over:
        store.change(
            running.challenger, "abort", lambda rollout: _abort(rollout, f"version {gone} rolled back")
        )
    return gone, restored


def _before(store: Store, champion: RegisteredVersion | None, trouble: Incident | None) -> RegisteredVersion:
    """The last version that decided before and is whole; where a champion has vanished and none is, that one again."""
    registry = store.registry
    known = {it.version: it for it in registry.versions()}
    for number in _earlier(registry, champion, trouble):
        there = known.get(number)
        if there is not None and _is_usable(registry, there):
            return there
    if trouble is not None:
        return _again(store, trouble)
    assert champion is not None
    first = not champion.previous_champion
    raise NoWayBackError(
        f"version {champion.version} is the first champion; name another one with --to VERSION"
        if first
        else f"no champion before version {champion.version} is whole any more; name a version with --to VERSION"
    )


def _earlier(registry: Registry, champion: RegisteredVersion | None, trouble: Incident | None) -> list[int]:
    """Versions that decided before, the last of them first: by the champion's own tag, then by the model's memory."""
    past = [it.version for it in deciders(registry)]
    if trouble is not None:
        return list(dict.fromkeys((*reversed(past), trouble.last.version)))
    assert champion is not None
    before = champion.previous_champion
    at = before or champion.version
    older = past[: past.index(at)] if at in past else []
    found = dict.fromkeys((*([before] if before else []), *reversed(older)))
    return [number for number in found if number != champion.version]


def _is_usable(registry: Registry, version: RegisteredVersion) -> bool:
    try:
        registry.fetch(version)
    except (ForeignVersionError, LostBundleError, TamperedBundleError):
        return False
    return True


def _again(store: Store, trouble: Incident | None) -> RegisteredVersion:
    """The champion that vanished, registered again as a new version."""
    if trouble is None:
        raise NoWayBackError("the champion has not vanished: --copy is for one that was deleted in MLflow")
    last, settings = trouble.last, store.settings
    with suppress(OSError, ValueError):
        noted = kept(settings)
        if not last.digest or noted.digest == last.digest:  # it knows what the lake's acts do not
            last = noted
    there = store.registry.version(last.version)
    if there is not None and there.digest == last.digest and _is_usable(store.registry, there):
        return there  # only its alias is gone
    restored = register_again(store.registry, last, kept_copy(settings, last))
    if restored is None:
        raise NoWayBackError(
            f"no copy of version {last.version} is left: neither its run in MLflow nor {BUNDLES} in {settings.home} "
            "holds it whole; try on a machine where a gateway runs, or name a version with --to VERSION"
        )
    return restored
