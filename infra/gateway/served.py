"""Who decides: champion and challenger as the registry names them, loaded, and swapped when the registry changes.

A version is fetched, checked against its manifest, loaded and warmed up before it takes the place of another one. One
that fails on the way is refused: that is said, and whoever served goes on. So does the gateway while the registry is
away, and it starts from the last verified local copy of the champion.
"""

from __future__ import annotations

import logging
import math
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from infra.registry import RegisteredVersion, Registry
from infra.rollout import Rollout
from infra.settings import Settings
from models.pixels import Sight
from models.policy import OPENAI_CATEGORIES
from models.serving.bundle import Bundle, TamperedBundleError, verify
from models.video import Watch

log = logging.getLogger(__name__)

MEMORY = "gateway.json"  # under home: the champion that was last served
WARM_UP = (1, 8, 32)  # posts in a batch, so that no request pays for first allocations
IMPATIENT = {  # MLflow by itself keeps one look at an absent registry going for minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
RETRY = 30.0  # seconds after which a refused version is tried again: its store may have been away
NOBODY = "no champion yet: train one with moderato retrain"


@dataclass(frozen=True, eq=False)
class Served:
    """A model that is ready to decide."""

    version: str
    digest: str
    bundle: Bundle
    categories: dict[str, tuple[str, ...]]  # each of OpenAI's, with the policies that map to it
    modalities: tuple[str, ...]  # text, image: what of a post it sees


@dataclass(frozen=True)
class Standing:
    """Who decides at one moment; without a rollout everything goes to the champion."""

    champion: Served | None = None
    challenger: Served | None = None
    rollout: Rollout | None = None
    reason: str = "the first look at the registry is still under way"  # why there is no champion

    @property
    def sights(self) -> set[Sight]:
        """How the models here look at pictures; empty where none does."""
        return {served.bundle.scorer.sight for served in self._both if "image" in served.modalities}

    @property
    def watches(self) -> set[Watch]:
        """How the models here want to watch videos; empty where none does."""
        return {served.bundle.scorer.watch for served in self._both if "video" in served.modalities}

    @property
    def _both(self) -> list[Served]:
        return [served for served in (self.champion, self.challenger) if served is not None]


class Remembered(BaseModel):
    """What the memory file holds."""

    model_config = ConfigDict(frozen=True)

    version: str
    digest: str
    folder: Path


class RefusedError(Exception):
    """A version that could not be made ready."""


class Deck:
    """Reads the registry and keeps `standing`; `refresh` belongs to one thread, `standing` to everyone."""

    def __init__(self, settings: Settings, refused: Callable[[str], None]) -> None:
        self.settings, self.registry = settings, Registry(settings)
        for name, value in IMPATIENT.items():
            os.environ.setdefault(name, value)
        self.threads = settings.threads or 1  # batches this small lose by more; a second process gains
        self.standing = Standing()
        self._refused: dict[str, float] = {}  # digests, and when
        self._tell_refused = refused

    def refresh(self) -> None:
        """Ask the registry, and change over to what it says; without it, nothing changes."""
        try:
            champion, challenger = self.registry.champion(), self.registry.challenger()
        except Exception as error:  # noqa: BLE001 - whatever its store or network raises
            log.warning("registry away", extra={"error": f"{type(error).__name__}: {error}"[:300]})
            if self.standing.champion is None:
                self.standing = self._from_memory()
            return
        self.standing = self._standing(champion, challenger)

    def _standing(self, champion: RegisteredVersion | None, challenger: RegisteredVersion | None) -> Standing:
        if champion is None:
            return Standing(reason=NOBODY)
        deciding = self._ready(champion) or self.standing.champion
        if deciding is None:
            return Standing(reason=f"version {champion.version} was refused; the log says why")
        if deciding is not self.standing.champion:
            self._remember(deciding, champion)
        rollout = _rollout(challenger)
        tried = self._ready(challenger) if challenger and rollout else None
        return Standing(deciding, tried, rollout if tried else None)

    def _ready(self, version: RegisteredVersion) -> Served | None:
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
            return _load(str(version.version), version.digest, self._fetch(version), self.threads)
        except Exception as error:  # noqa: BLE001 - a bundle may break in any part of its loading
            log.error("bundle refused", extra={"version": version.version, "error": str(error)[:300]})  # noqa: TRY400
            self._refused[version.digest] = time.monotonic()
            self._tell_refused(str(version.version))
            return None

    def _fetch(self, version: RegisteredVersion) -> Path:
        """The verified folder; a local copy that was damaged is fetched once more."""
        folder = self.registry.fetch(version)
        try:
            verify(folder)
        except TamperedBundleError:
            shutil.rmtree(folder)
            folder = self.registry.fetch(version)
        return folder

    def _remember(self, served: Served, version: RegisteredVersion) -> None:
        """Note where to start from without the registry; a full disk must not keep a new champion from serving."""
        if served.version != str(version.version):
            return
        folder = self.registry.fetch(version)
        kept = Remembered(version=served.version, digest=served.digest, folder=folder)
        path = self.settings.home / MEMORY
        scratch = path.with_suffix(f".{os.getpid()}")
        try:
            scratch.write_text(kept.model_dump_json())
            scratch.replace(path)
        except OSError as error:
            log.warning("champion not remembered", extra={"error": str(error)})

    def _from_memory(self) -> Standing:
        try:
            kept = Remembered.model_validate_json((self.settings.home / MEMORY).read_bytes())
            served = _load(kept.version, kept.digest, kept.folder, self.threads)
        except (OSError, ValueError) as error:
            return Standing(reason=f"the registry is away, and there is no local copy to start from: {error}")
        log.warning("serving the last verified local copy", extra={"version": served.version})
        return Standing(served)


def _load(version: str, digest: str, folder: Path, threads: int) -> Served:
    if verify(folder) != digest:
        raise RefusedError(f"{folder} is whole but not what was registered as version {version}")
    bundle = Bundle.load(folder, threads=threads)
    for posts in WARM_UP:
        bundle.decide(bundle.score(["warming up"] * posts, [None] * posts), [None] * posts)
    policies = bundle.policy_set.policies
    mapped = {
        name: tuple(policy.key for policy in policies if name in policy.categories)
        for name in OPENAI_CATEGORIES
    }
    return Served(version, digest, bundle, mapped, bundle.scorer.modalities)


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
