"""The registry: the single truth about who decides. Aliases point at versions, tags say where each came from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from infra.registry.copies import fetch
from infra.registry.deciders import remember
from infra.registry.embedded import EmbeddedClient, fits
from infra.registry.status import Status, headed, mark_version
from infra.registry.store import connect, error_code, experiment, is_empty
from infra.registry.version import RegisteredVersion
from infra.settings import Settings
from models.domain.errors import UserError
from models.domain.nearest import choose

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
KEY, SNAPSHOT, DIGEST, PREVIOUS, ROLLOUT = (
    "moderato.candidate",
    "moderato.snapshot",
    "moderato.bundle",
    "moderato.previous_champion",
    "moderato.rollout",
)
ABSENT = (
    "RESOURCE_DOES_NOT_EXIST",
    "INVALID_PARAMETER_VALUE",
)  # MLflow's answers for no such model, and no such alias
ROLLOUT_TAG = "rollout"


class UnknownVersionError(UserError):
    """A version or alias that the registry does not have."""


@dataclass(frozen=True)
class Registry:
    """Reads and writes the MLflow store that the settings name; nothing is opened before it is asked for.

    Where nothing was ever kept, there is no version and no champion, and looking makes no store.
    """

    settings: Settings

    @cached_property
    def client(self) -> MlflowClient:
        embedded, settings = self.settings.home / "mlflow.db", self.settings
        if not settings.mlflow_tracking_uri and fits(embedded):
            return cast("MlflowClient", EmbeddedClient(embedded, lambda: connect(settings)))
        return connect(settings)

    @cached_property
    def experiment_id(self) -> str:
        return experiment(self.settings, self.client)

    @property
    def name(self) -> str:
        return self.settings.registered_model

    def champion(self) -> RegisteredVersion | None:
        return self._by_alias(CHAMPION)

    def challenger(self) -> RegisteredVersion | None:
        return self._by_alias(CHALLENGER)

    def version(self, number: int) -> RegisteredVersion | None:
        return next((version for version in self.versions() if version.version == number), None)

    def versions(self) -> list[RegisteredVersion]:
        """Every version, oldest first."""
        return self._search(f"name = '{self.name}'")

    def find(self, key: str) -> RegisteredVersion | None:
        """The version made of this candidate; the first one, should two processes have made one each."""
        return next(iter(self._search(f"name = '{self.name}' and tags.`{KEY}` = '{key}'")), None)

    def resolve(self, model: str) -> RegisteredVersion:
        """A version by alias or number; raises UnknownVersionError, which lists what there is."""
        known = self.versions()
        for version in known:
            if model in {*version.aliases, str(version.version)}:
                return version
        if not known:
            raise UnknownVersionError(
                f"no model {model!r}: nothing is registered as {self.name} yet; "
                "train a first champion with moderato retrain"
            )
        choices = [" ".join([str(v.version), *(f"({alias})" for alias in v.aliases)]) for v in known]
        raise UnknownVersionError(f"no version {model!r} of {self.name}; {choose(model, choices)}")

    def promote(self, number: int) -> RegisteredVersion:
        """Make a version the champion; whoever was champion is remembered in its tags. Again changes nothing."""
        champion = self.champion()
        if champion is None or champion.version != number:
            previous = str(champion.version if champion else 0)
            self.client.set_model_version_tag(self.name, str(number), PREVIOUS, previous)
            self.client.set_registered_model_alias(self.name, CHAMPION, str(number))
        self.dismiss(number)
        promoted = self._remembered(number)
        mark_version(self, number, Status.PROMOTED)
        if promoted.previous_champion:
            mark_version(self, promoted.previous_champion, Status.SUPERSEDED)
        return promoted

    def restore(self, number: int) -> RegisteredVersion:
        """Make an earlier champion decide again; what it replaced when it was promoted stays the way further back."""
        champion = self.champion()
        self.client.set_registered_model_alias(self.name, CHAMPION, str(number))
        restored = self._remembered(number)
        mark_version(self, number, Status.PROMOTED)
        if champion is not None and champion.version != number:
            mark_version(self, champion.version, Status.ROLLED_BACK)
        return restored

    def _remembered(self, number: int) -> RegisteredVersion:
        champion = self.resolve(str(number))
        remember(self, champion)
        return champion

    def roll_out(self, number: int, rollout: str, told: str = "") -> None:
        """Write down how a version's rollout stands, and in `told` the same for people."""
        self.describe(number, {ROLLOUT: rollout} | ({ROLLOUT_TAG: told} if told else {}))

    def describe(self, number: int, tags: Mapping[str, str]) -> None:
        """Tag a version."""
        for name, value in tags.items():
            self.client.set_model_version_tag(self.name, str(number), name, value)

    def note(self, number: int, markdown: str) -> None:
        """What people read on a version's page, below what became of it."""
        before = self.client.get_model_version(self.name, str(number)).description or ""
        self.client.update_model_version(self.name, str(number), headed(before, markdown))

    def tag(self, number: int, name: str) -> str:
        """A tag of a version; empty where it has none."""
        return str(self.client.get_model_version(self.name, str(number)).tags.get(name, ""))

    def dismiss(self, number: int) -> None:
        """Take the alias challenger from a version, if it has it."""
        challenger = self.challenger()
        if challenger is not None and challenger.version == number:
            self.client.delete_registered_model_alias(self.name, CHALLENGER)

    def fetch(self, version: RegisteredVersion) -> Path:
        """The version's bundle in a local folder, checked now; raises what infra.registry.copies.fetch does."""
        return fetch(self, version)

    def _by_alias(self, alias: str) -> RegisteredVersion | None:
        if is_empty(self.settings):
            return None
        try:
            return _read(self.client.get_model_version_by_alias(self.name, alias))
        except Exception as error:
            if error_code(error) in ABSENT:
                return None
            raise

    def _search(self, query: str) -> list[RegisteredVersion]:
        found, token = [], None
        if is_empty(self.settings):
            return []
        while True:
            page = self.client.search_model_versions(query, page_token=token)
            found += [_read(self.client.get_model_version(self.name, entry.version)) for entry in page]
            token = page.token
            if not token:
                return sorted(found, key=lambda version: version.version)


def _read(entry: Any) -> RegisteredVersion:
    tags = entry.tags
    return RegisteredVersion(
        version=int(entry.version),
        key=tags.get(KEY, ""),
        run_id=entry.run_id or "",
        snapshot=tags.get(SNAPSHOT, ""),
        digest=tags.get(DIGEST, ""),
        previous_champion=_number(tags.get(PREVIOUS, "")),
        created_at=datetime.fromtimestamp(entry.creation_timestamp / 1000, UTC),
        aliases=tuple(sorted(entry.aliases)),
        rollout=tags.get(ROLLOUT, ""),
    )


def _number(tag: str) -> int:
    """A version's number; 0 for what a person wrote there."""
    return int(tag) if re.fullmatch(r"[0-9]{1,9}", tag) else 0
