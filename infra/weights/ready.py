"""Which weights this machine has already: installed packages, folders under home, the hub's cache."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.settings import Settings
from infra.weights.carried import WeightsPackage, of_weights_package
from infra.weights.installed import Installed
from infra.weights.packages import WEIGHTS_PACKAGES
from infra.weights.sources import hub, package
from infra.weights.sources.folder import at_hand
from infra.weights.weights import family_of


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


def _packages() -> Iterator[Ready]:
    """Those that can be fetched, but for the digests of their files: an entry with a fault is told elsewhere."""
    for entry in WEIGHTS_PACKAGES.sound():
        files = None if of_weights_package(entry) else _carried(entry)
        if files is not None:
            yield Ready(
                f"{package.PREFIX}{entry.name}", entry.family, "package", entry.licence, entry.about,
                _size(files), entry.parameters,
            )  # fmt: skip


def _carried(entry: WeightsPackage) -> list[Path] | None:
    """An installed package's files of weights; None where it is not installed, or lacks one."""
    installed = Installed.find(entry.name)
    given = installed.below(entry.folder) if installed else {}
    files = [given.get(file.at or name) for name, file in entry.files.items()]
    found = [file for file in files if file is not None and file.is_file()]
    return found if len(found) == len(files) else None


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
