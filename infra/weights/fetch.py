"""Addresses of weights, followed to folders of this machine."""

from __future__ import annotations

from pathlib import Path

from infra.settings import Settings
from infra.weights.sources import forms, hub, source_of
from infra.weights.sources.folder import at_hand
from infra.weights.weights import NoWeightsError, Weights

__all__ = ["at_hand", "fetch", "held"]


def fetch(settings: Settings, address: str) -> Weights | None:
    """What lies at a preset's `weights`; None where that is empty.

    A folder (one that is not there is looked for in `weights` under home), s3://bucket/prefix, models:/name@alias or
    models:/name/version of the registry, hf-hub:owner/name, or package:NAME of an installed Python package. Raises
    NoWeightsError, UnreachableError.
    """
    if not address:
        return None
    source = source_of(address)
    found = Weights.of(source.folder(settings, address.removeprefix(source.prefix)))
    if found is None:
        raise NoWeightsError(f"no weights at {address}; give {forms()}")
    return found


def held(settings: Settings, family: str, usual: str) -> Path | None:
    """Where a family's usual weights lie on this machine already: a folder of its name, or the hub's own cache."""
    folder = at_hand(settings) / family
    if folder.is_dir():
        return folder
    return hub.cached(usual.removeprefix(hub.PREFIX)) if usual.startswith(hub.PREFIX) else None
