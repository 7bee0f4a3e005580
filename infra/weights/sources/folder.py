"""A folder of this machine; one that is not there is looked for in `weights` under home."""

from __future__ import annotations

from pathlib import Path

from infra.settings import Settings
from infra.weights.source import WeightsSource


def at_hand(settings: Settings) -> Path:
    """Where a folder of weights may lie that a preset names by its name alone."""
    return settings.home / "weights"


def folder(settings: Settings, address: str) -> Path:
    return Path(address) if Path(address).is_dir() else at_hand(settings) / address


WEIGHTS_SOURCE = WeightsSource(name="folder", prefix="", form="a folder", folder=folder)
