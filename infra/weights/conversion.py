"""What a conversion is: files as a package carries them to a folder that a family's library loads."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """`convert` reads from the first folder and writes to the second, which is empty; it runs no code of the files."""

    name: str
    convert: Callable[[Path, Path], None]

    @property
    def code(self) -> str:
        """The SHA-256 of the file that it is written in: once that was mended, what it made before is made anew."""
        return hashlib.sha256(Path(inspect.getfile(self.convert)).read_bytes()).hexdigest()
