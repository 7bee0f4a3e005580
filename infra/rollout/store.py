"""Where rollouts are kept: the state in the registry, where gateways read it, and every act in the lake."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import pyarrow as pa
from pydantic import ValidationError

from infra.lake import Lake, open_lake
from infra.registry import RegisteredVersion, Registry, Status, mark_version
from infra.rollout.lease import Lease
from infra.rollout.rollout import Act, Rollout
from infra.settings import Settings
from models.domain.errors import UserError
from models.domain.schemas import ACTS

WRITING = 10.0  # seconds that one change may take before another writer goes on
LEASE_SECONDS = 20.0
CONTROLLER = "controller"  # who acts where no person does


class NoRolloutError(UserError):
    """An act on a rollout where there is none."""


class RolloutIsOverError(UserError):
    """An act on a rollout that has ended, or that does not fit how it stands."""


@dataclass(frozen=True)
class Store:
    """Changes are made one at a time, whoever makes them; each is recorded with who, when and why."""

    settings: Settings

    @cached_property
    def registry(self) -> Registry:
        return Registry(self.settings)

    @cached_property
    def lake(self) -> Lake:
        return open_lake(self.settings)

    def running(self) -> Rollout | None:
        """The challenger's rollout."""
        challenger = self.registry.challenger()
        return rollout_of(challenger) if challenger else None

    def load(self, version: int) -> Rollout | None:
        """The last rollout of a version."""
        found = self.registry.version(version)
        return rollout_of(found) if found else None

    def last(self) -> Rollout | None:
        """The rollout that is running, else the one that began last."""
        rollouts = [rollout for version in self.registry.versions() if (rollout := rollout_of(version))]
        return self.running() or max(rollouts, key=lambda rollout: rollout.began, default=None)

    def begin(self, rollout: Rollout, why: str) -> Rollout:
        """Keep a new rollout; the one that its version already has where that is not over."""
        with self._writing():
            there = self.load(rollout.challenger)
            if there is not None and not there.is_over:
                return there
            return self._done(rollout, "begin", why, "")

    def change(self, version: int, act: str, step: Callable[[Rollout], Rollout], who: str = "") -> Rollout:
        """Replace a version's rollout by what `step` makes of it as it stands now.

        Where `step` gives back what it got, nothing is written. Raises NoRolloutError, and what `step` raises.
        """
        with self._writing():
            before = self.load(version)
            if before is None:
                raise NoRolloutError(f"version {version} has no rollout; see moderato canary status")
            self._make_up(before)
            after = step(before)
            if after == before:
                return before
            # in this order, so that one killed in between leaves traffic where it belongs and is finished by the next
            if after.status == "promoted":
                self.registry.promote(version)
            after = self._done(after, act, after.reason, who)
            if after.status == "rolled back":
                self.registry.dismiss(version)
                mark_version(self.registry, version, Status.ROLLED_BACK)
        return after

    def end_without_version(self, rollout: Rollout, why: str) -> Rollout:
        """The rollout of a version that was deleted: no tag is left to keep it in, so the lake alone hears."""
        ended = rollout.stopped("rolled back", why)
        self._write(_now("abort", why, CONTROLLER), rollout.challenger, rollout.id)
        return ended

    def record(self, act: str, version: int, why: str, who: str = "", at: datetime | None = None) -> None:
        """Write down who did what, when and why: the person whose process this is, and now, when not given."""
        done = _now(act, why, who)
        self._write(done.model_copy(update={"at": at}) if at else done, version, rollout="")

    def acts(self, rollout: str) -> list[dict[str, object]]:
        """What was done in a rollout, oldest first."""
        written = self._written(rollout)
        known = next(
            (it for version in self.registry.versions() if (it := rollout_of(version)) and it.id == rollout),
            None,
        )
        if known is None or _is_written(known, written):
            return written
        return [*written, _row(known.last, known.challenger, rollout)] if known.last else written

    def _done(self, rollout: Rollout, act: str, why: str, who: str) -> Rollout:
        """Keep the rollout with what was done to it, and write that down."""
        kept = rollout.model_copy(update={"last": _now(act, why, who)})
        self.registry.roll_out(kept.challenger, kept.model_dump_json(), kept.told)
        self._make_up(kept)
        return kept

    def _make_up(self, rollout: Rollout) -> None:
        """Write down the last act where that was not done."""
        if rollout.last is not None and not _is_written(rollout, self._written(rollout.id)):
            self._write(rollout.last, rollout.challenger, rollout.id)

    def _write(self, act: Act, version: int, rollout: str) -> None:
        self.lake.acts.append(pa.Table.from_pylist([_row(act, version, rollout)], ACTS).to_batches())

    def _written(self, rollout: str) -> list[dict[str, object]]:
        if not self.lake.acts.exists():
            return []
        found = self.lake.acts.open().to_table(filter=f"rollout = '{rollout}'").sort_by("at")
        return list(found.to_pylist())

    def _writing(self) -> _Held:
        return _Held(Lease(self.lake, f"writing rollouts of {self.registry.name}", WRITING))


@dataclass(frozen=True)
class _Held:
    lease: Lease

    def __enter__(self) -> None:
        self.lease.wait(LEASE_SECONDS)

    def __exit__(self, *_: object) -> None:
        self.lease.release()


def _now(act: str, why: str, who: str) -> Act:
    return Act(at=datetime.now(UTC), who=who or getpass.getuser(), act=act, why=why)


def _row(act: Act, version: int, rollout: str) -> dict[str, object]:
    return act.model_dump() | {"version": version, "rollout": rollout}


def _is_written(rollout: Rollout, written: list[dict[str, object]]) -> bool:
    return rollout.last is None or any(row["at"] == rollout.last.at for row in written)


def rollout_of(version: RegisteredVersion) -> Rollout | None:
    """How a version's rollout stands.

    None too where somebody wrote what is no rollout: gateways give such a version nothing either.
    """
    try:
        return Rollout.model_validate_json(version.rollout) if version.rollout else None
    except ValidationError:
        return None
