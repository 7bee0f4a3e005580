"""Who has decided: a memory that outlives the version, its alias and, on a gateway's machine, the whole registry.

MLflow takes an alias away with its version. The registered model's own tags stay: they name every champion, so that one
that is gone is told from one that never was, and can be registered again from its run or from a verified copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from infra import forms
from infra.registry.copies import copy_of, is_whole
from infra.registry.store import error_code, is_empty
from infra.registry.version import Held, RegisteredVersion
from infra.settings import Settings
from models.process.atomic_write import write_text

DECIDERS = "moderato.champions"  # tag of the registered model: JSON, oldest first
MAX_CHAMPIONS = 50  # champions that are remembered
MEMORY = "gateway.json"  # under home: the champion that a gateway on this machine served last


class Decider(BaseModel):
    """A version that was champion. Those of before know no key, run and snapshot; `model` is the registered model's."""

    model_config = ConfigDict(frozen=True)

    version: int
    digest: str
    key: str = ""
    run_id: str = ""
    snapshot: str = ""
    model: str = ""

    @classmethod
    def of(cls, version: RegisteredVersion, model: str) -> Decider:
        fields = {name: getattr(version, name) for name in ("version", "digest", "key", "run_id", "snapshot")}
        return cls(**fields, model=model)


_LIST = TypeAdapter(tuple[Decider, ...])


def deciders(registry: Held) -> tuple[Decider, ...]:
    """Every champion that the registered model remembers, oldest first; none where it remembers none."""
    if is_empty(registry.settings):
        return ()
    try:
        written = registry.client.get_registered_model(registry.name).tags.get(DECIDERS, "")
    except Exception as error:
        if error_code(error) == "RESOURCE_DOES_NOT_EXIST":
            return ()
        raise
    try:
        return _LIST.validate_json(written) if written else ()
    except ValidationError:  # somebody edited the tag: what the lake says stays
        return ()


def remember(registry: Held, version: RegisteredVersion) -> None:
    """Write down that this version decides from now on."""
    known: Sequence[Decider] = deciders(registry)
    new = Decider.of(version, registry.name)
    if known and known[-1] == new:
        return
    kept = _LIST.dump_json((*known, new)[-MAX_CHAMPIONS:]).decode()
    registry.client.set_registered_model_tag(registry.name, DECIDERS, kept)


def keep(settings: Settings, decider: Decider) -> None:
    """Note on this machine where a gateway starts from without the registry's word; raises OSError."""
    write_text(settings.home / MEMORY, decider.model_dump_json())


def kept(settings: Settings) -> Decider:
    """What a gateway on this machine served last; raises OSError, ValueError where no note of this model is."""
    found = Decider.model_validate_json((settings.home / MEMORY).read_bytes())
    forms.digest(found.digest)
    if found.model not in ("", settings.registered_model):
        raise ValueError(f"{MEMORY} is about {found.model}")
    return found


def kept_copy(settings: Settings, decider: Decider) -> Path | None:
    """The whole local copy of a champion's bundle; None where this machine has none."""
    try:
        folder = copy_of(settings, decider.digest)
    except forms.FormError:
        return None
    return folder if is_whole(folder, decider.digest) else None
