"""What a kind of address of weights is: how it begins, and how what it names becomes a local folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from infra.settings import Settings
from models.process.atomic_write import whole_folder


@dataclass(frozen=True, kw_only=True)
class WeightsSource:
    """`form` is an address as people write it; `folder` is given what stands behind the prefix, and raises
    NoWeightsError where nothing lies there.
    """

    name: str
    prefix: str  # empty for what has no other
    form: str
    folder: Callable[[Settings, str], Path]


def fetched_once(folder: Path, fill: Callable[[Path], None]) -> Path:
    """The folder, which `fill` fills where it is not there; who asks for the same meanwhile waits for it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not folder.exists():
            with whole_folder(folder) as aside:
                fill(aside)
    return folder
