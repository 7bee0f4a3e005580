"""Which weights this machine has already: installed packages, folders under home, the hub's cache."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.settings import Settings
from infra.weights.installed import Installed
from infra.weights.packages import WEIGHTS_PACKAGES
from infra.weights.sources import hub, package
from infra.weights.sources.folder import at_hand

CONFIG = "config.json"


@dataclass(frozen=True)
class Ready:
    """Weights by the address that a preset names them by. `bytes` is what lies on the disk; `where`, as in folder."""

    address: str
    family: str
    where: str
    licence: str
    about: str
    bytes: int
    parameters: int = 0  # 0 where nothing says


def ready(settings: Settings) -> list[Ready]:
    """Every set of weights that can be loaded without a network, packages first."""
    return [*_packages(), *_folders(settings), *_cached()]


def family_of(folder: Path) -> str:
    """The family that loads a folder: of the folder's name, else by how its library writes; empty for none."""
    from models.encoders import ENCODERS  # which loads torch

    if folder.name in ENCODERS:
        return folder.name
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    if not isinstance(config, dict):
        return ""
    return "image" if "architecture" in config else "text" if "vocab_size" in config else ""


def _packages() -> Iterator[Ready]:
    for name in WEIGHTS_PACKAGES.names():
        installed = Installed.find(name)
        if installed is None:
            continue
        entry = WEIGHTS_PACKAGES[name]
        given = installed.below(entry.folder)
        kept = [
            where
            for file, where in given.items()
            if file in {it.at or key for key, it in entry.files.items()}
        ]
        address = f"{package.PREFIX}{name}"
        yield Ready(
            address, entry.family, "package", entry.licence, entry.about, _size(kept), entry.parameters
        )


def _folders(settings: Settings) -> Iterator[Ready]:
    for folder in sorted(at_hand(settings).glob("*")):
        family = family_of(folder) if folder.is_dir() else ""
        if family:
            yield Ready(folder.name, family, "folder", "", f"a folder of {family}", _size(folder.rglob("*")))


def _cached() -> Iterator[Ready]:
    from models.encoders import ENCODERS  # which loads torch

    for encoder in ENCODERS.sound():
        if encoder.usual and encoder.usual.weights.startswith(hub.PREFIX):
            folder = hub.cached(encoder.usual.weights.removeprefix(hub.PREFIX))
            if folder is not None:
                yield Ready(
                    encoder.usual.weights, encoder.name, "hub's cache", encoder.usual.licence, encoder.about,
                    _size(folder.rglob("*")), encoder.usual.parameters,
                )  # fmt: skip


def _size(files: Iterator[Path] | list[Path]) -> int:
    return sum(path.stat().st_size for path in files if path.is_file())
