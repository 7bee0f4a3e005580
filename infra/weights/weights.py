"""A folder of weights and its digest, and the error where there is none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from models.domain.errors import UserError

PICKLED = (".bin", ".ckpt", ".pkl", ".pickle", ".pt", ".pth")  # files that may run code when they are read

CONFIG = "config.json"


class NoWeightsError(UserError):
    """An address at which no weights lie that may be read."""


@dataclass(frozen=True)
class Weights:
    """A local folder, and a digest of the names and bytes of its files."""

    folder: Path
    digest: str

    @classmethod
    def of(cls, folder: Path) -> Self | None:
        """None where the folder holds no file."""
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        told = ((path.relative_to(folder).as_posix(), sha256(path)) for path in files)
        return cls(folder, digest(told)) if files else None


def digest(files: Iterable[tuple[str, str]]) -> str:
    """Of files by their names and their SHA-256, in order."""
    found = hashlib.sha256()
    for name, own in files:
        found.update(f"{name}\0{own}\0".encode())
    return found.hexdigest()


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
