"""What installed Python packages hold, as their installer recorded it. Nothing of a package is imported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath
from typing import Self


def canonical(name: str) -> str:
    """A distribution's name in the form in which all its spellings are one (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True)
class Installed:
    """One distribution; `files` by their recorded paths."""

    distribution: Distribution
    files: dict[str, Path]

    @classmethod
    def find(cls, name: str) -> Self | None:
        """None where no such distribution is installed. Records that lead out of the package's place are left out."""
        try:
            found = distribution(name)
        except (PackageNotFoundError, ValueError):  # ValueError: an empty name
            return None
        recorded = (PurePosixPath(str(path)) for path in found.files or ())
        kept = (path for path in recorded if not path.is_absolute() and ".." not in path.parts)
        return cls(found, {str(path): Path(str(found.locate_file(str(path)))) for path in kept})

    @property
    def version(self) -> str:
        return str(self.distribution.version)

    def below(self, folder: str) -> dict[str, Path]:
        """Its files in a folder, by their paths from there."""
        start = f"{folder}/"
        return {
            path.removeprefix(start): where for path, where in self.files.items() if path.startswith(start)
        }

    def folders(self, *suffixes: str) -> list[str]:
        """Its folders that hold files with such endings."""
        paths = (PurePosixPath(path) for path in self.files)
        return sorted({str(path.parent) for path in paths if path.suffix in suffixes})
