"""Who decides: champion and challenger as the registry names them, loaded, and swapped when the registry changes.

A version is fetched, checked against its manifest, loaded and warmed up before it takes the place of another one. One
that fails on the way is refused: that is said, and whoever served goes on. So does the gateway while the registry is
away or its champion has vanished (a deleted version, alias or model, an alias on somebody else's version), and it
starts from the last verified local copy of the champion. Only where nobody ever decided does nobody decide.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from infra.registry import Decider, RegisteredVersion, Registry, copy_of, deciders, keep, kept
from infra.rollout import Rollout
from infra.settings import Settings
from models.bundle.bundle import Bundle
from models.bundle.manifest import verify
from models.data.pixels import Sight
from models.data.video import Watch
from models.domain.policy import OPENAI_CATEGORIES
from models.readers.base.reading import OpenReader

log = logging.getLogger(__name__)

WARM_UP_BATCHES = (1, 8, 32)  # posts in a batch, so that no request pays for first allocations
IMPATIENT = {  # MLflow by itself keeps one look at an absent registry going for minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
RETRY = 30.0  # seconds after which a refused version is tried again: its store may have been away
REMIND = 3600.0  # seconds between two log lines about the same trouble
UNKNOWN = "there is no local copy to start from"
AWAY = "the registry is away"
VANISHED = "the registry names no champion: its version or alias was deleted; moderato status says what to do"
NOBODY = "no champion yet: train one with moderato retrain"


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model that is ready to decide."""

    version: str
    digest: str
    bundle: Bundle
    categories: dict[str, tuple[str, ...]]  # of OpenAI's, with the policies that map to it and are assessed
    modalities: tuple[str, ...]  # text, image: what of a post it sees

    @property
    def not_assessed(self) -> list[str]:
        """OpenAI's categories that the model says nothing of: no policy maps to them that anybody judged posts for."""
        return [name for name in OPENAI_CATEGORIES if name not in self.categories]


@dataclass(frozen=True)
class Routing:
    """Who decides at one moment; without a rollout everything goes to the champion.

    `warning` says why a model decides that the registry does not name; a rollout stops then, for what it compares with
    is in question.
    """

    champion: LoadedModel | None = None
    challenger: LoadedModel | None = None
    rollout: Rollout | None = None
    reason: str = "the first look at the registry is still under way"  # why there is no champion
    warning: str = ""

    @property
    def sights(self) -> set[Sight]:
        """How the models here look at pictures; empty where none does."""
        return {served.bundle.scorer.sight for served in self._both if "image" in served.modalities}

    @property
    def watches(self) -> set[Watch]:
        """How the models here want to watch videos; empty where none does."""
        return {served.bundle.scorer.watch for served in self._both if "video" in served.modalities}

    def ways(self, kind: str) -> list[Any]:
        """The ways in which the models here look at an image or a video."""
        return sorted(self.sights if kind == "image" else self.watches)

    def readers(self, kind: str) -> list[OpenReader]:
        """What reads words for the models here in an image or a video, each once."""
        readers = (it.bundle.scorer.readers for it in self._both if it.bundle.scorer.readers is not None)
        found = {one.reader.name: one for reading in readers for one in reading.readers}
        return [one for one in found.values() if kind in one.reader.looks]

    @property
    def _both(self) -> list[LoadedModel]:
        return [served for served in (self.champion, self.challenger) if served is not None]


class RefusedError(Exception):
    """A version that could not be made ready."""


class ModelPool:
    """Reads the registry and keeps `standing`; `refresh` belongs to one thread, `standing` to everyone."""

    def __init__(
        self,
        settings: Settings,
        refused: Callable[[str], None],
        stands_in: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self.settings, self.registry = settings, Registry(settings)
        for name, value in IMPATIENT.items():
            os.environ.setdefault(name, value)
        self.threads = settings.threads or 1  # batches this small lose by more; a second process gains
        self.standing = Routing()
        self._refused: dict[str, float] = {}  # digests, and when
        self._tell_refused, self._tell_stands_in = refused, stands_in
        self._said, self._said_at = "", -math.inf

    def refresh(self) -> None:
        """Ask the registry, and change over to what it says; without it, nothing changes."""
        try:
            champion, challenger = self.registry.champion(), self.registry.challenger()
        except Exception as error:  # noqa: BLE001 - whatever its store or network raises
            if self.standing.champion is None:
                self.standing = self._from_memory(AWAY)
            self._trouble(AWAY, f"{type(error).__name__}: {error}"[:300])
        else:
            self.standing = self._standing(champion, challenger)
            self._trouble(self.standing.warning)
        self._tell_stands_in(bool(self.standing.warning))

    def _standing(self, champion: RegisteredVersion | None, challenger: RegisteredVersion | None) -> Routing:
        if champion is None:
            return self._standing_in(VANISHED)
        deciding = self._ready(champion)
        if deciding is None:
            return self._standing_in(f"version {champion.version} was refused; the log says why")
        if deciding is not self.standing.champion:
            self._remember(champion)
        rollout = _rollout(challenger)
        tried = self._ready(challenger) if challenger and rollout else None
        return Routing(deciding, tried, rollout if tried else None)

    def _standing_in(self, why: str) -> Routing:
        """Whoever decided goes on, after a restart too; nobody where this machine knows of none."""
        if self.standing.champion is not None:
            return Routing(self.standing.champion, warning=why)
        return self._from_memory(why)

    def _trouble(self, told: str, error: str = "") -> None:
        """One log line when trouble begins, changes or is over, and then one in an hour."""
        if told != self._said and not told:
            log.warning("the registry's champion decides again", extra={"before": self._said})
        elif told and (told != self._said or time.monotonic() - self._said_at > REMIND):
            served = self.standing.champion
            version = served.version if served else None
            extra = {"why": told, "error": error, "version": version}
            log.warning("the registry names nobody who can decide", extra=extra)
        else:
            return
        self._said, self._said_at = told, time.monotonic()

    def _ready(self, version: RegisteredVersion) -> LoadedModel | None:
        """The version, loaded now where it is not yet; None where it was refused."""
        for served in (self.standing.champion, self.standing.challenger):
            if served is not None and (served.version, served.digest) == (
                str(version.version),
                version.digest,
            ):
                return served
        if time.monotonic() - self._refused.get(version.digest, -math.inf) < RETRY:
            return None
        try:
            return _load(str(version.version), version.digest, self.registry.fetch(version), self.threads)
        except Exception as error:  # noqa: BLE001 - a bundle may break in any part of its loading
            log.error("bundle refused", extra={"version": version.version, "error": str(error)[:300]})  # noqa: TRY400
            self._refused[version.digest] = time.monotonic()
            self._tell_refused(str(version.version))
            return None

    def _remember(self, version: RegisteredVersion) -> None:
        """Note where to start from without the registry; a full disk must not keep a new champion from serving."""
        try:
            keep(self.settings, Decider.of(version, self.registry.name))
        except OSError as error:
            log.warning("champion not remembered", extra={"error": str(error)})

    def _from_memory(self, why: str) -> Routing:
        """The champion that this machine served last, from its copy; `why` the registry's is not served."""
        try:
            known = kept(self.settings)
        except (OSError, ValueError) as error:
            never = why == VANISHED and not deciders(self.registry)
            return Routing(reason=NOBODY if never else f"{why}; {UNKNOWN}: {error}")
        try:
            folder = copy_of(self.settings, known.digest)
            served = _load(str(known.version), known.digest, folder, self.threads)
        except (OSError, ValueError, RefusedError) as error:
            return Routing(reason=f"{why}; {UNKNOWN}: {error}")
        log.warning("serving the last verified local copy", extra={"version": served.version})
        return Routing(served, warning=why)


def _load(version: str, digest: str, folder: Path, threads: int) -> LoadedModel:
    if verify(folder) != digest:
        raise RefusedError(f"{folder} is whole but not what was registered as version {version}")
    bundle = Bundle.load(folder, threads=threads)
    for posts in WARM_UP_BATCHES:
        bundle.decide(bundle.score(["warming up"] * posts, [None] * posts), [None] * posts)
    policies = bundle.policy_set.policies
    mapped = {
        name: tuple(p.key for p in policies if name in p.categories and p.key in bundle.assessed)
        for name in OPENAI_CATEGORIES
    }
    if bundle.operating_points.assessed is not None:  # bundles of before answer as they did
        mapped = {name: keys for name, keys in mapped.items() if keys}
    return LoadedModel(version, digest, bundle, mapped, bundle.scorer.modalities)


def _rollout(challenger: RegisteredVersion | None) -> Rollout | None:
    """The rollout that the challenger's tags hold, while it is under way."""
    if challenger is None or not challenger.rollout:
        return None
    try:
        rollout = Rollout.model_validate_json(challenger.rollout)
    except ValidationError as error:
        log.error("unreadable rollout", extra={"version": challenger.version, "error": str(error)[:300]})  # noqa: TRY400
        return None
    return None if rollout.is_over or rollout.challenger != challenger.version else rollout
