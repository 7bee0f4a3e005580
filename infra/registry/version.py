"""A version of the registered model, and what its room's modules ask of the registry that holds it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from infra.forms import FormError
from infra.forms import digest as digest_form
from infra.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of the registered model. `previous_champion` is 0 where there was none.

    `rollout` is how its rollout stands, as infra.rollout wrote it; empty where there was none.
    """

    version: int
    key: str
    run_id: str
    snapshot: str
    digest: str
    previous_champion: int
    created_at: datetime
    aliases: tuple[str, ...]
    rollout: str = ""

    @property
    def is_foreign(self) -> bool:
        """Whether it is somebody's own: no digest says which bundle it stands for."""
        try:
            digest_form(self.digest)
        except FormError:
            return True
        return False


class Held(Protocol):
    """A registry, as far as what is told of a version, copied of it or tagged needs it."""

    @property
    def settings(self) -> Settings: ...

    @property
    def client(self) -> MlflowClient: ...

    @property
    def name(self) -> str: ...
