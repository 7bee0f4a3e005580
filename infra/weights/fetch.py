"""Addresses of weights, followed to folders of this machine."""

from __future__ import annotations

from infra.settings import Settings
from infra.weights.sources import forms, source_of
from infra.weights.sources.folder import at_hand
from infra.weights.weights import NoWeightsError, Weights

__all__ = ["at_hand", "fetch"]


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
