"""What a reader is: how it looks at pictures and videos, and what opens it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions

import numpy as np
from numpy.typing import NDArray

from models.data.pages import Page
from models.data.sound import Sound
from models.domain.content import Part
from models.domain.errors import UserError
from models.domain.preprocessing import PREPROCESSING

Lines = Callable[[NDArray[np.uint8]], list[str]]
"""What a reader is shown, pages [K, H, W, 3] or sound [N, 2], to the lines in it, in the order in which people read."""
Way = Page | Sound


MINUTE = 60.0


class NoReaderError(UserError):
    """A model reads pictures, and the library for it is not installed."""


@dataclass(frozen=True, eq=False)
class Reader:
    """One way to read. `extra`: of this package, which installs the library that it needs.

    version: goes up where it reads the same bytes otherwise, so that what was kept is read anew. looks: how it looks at
    each part that it reads. seconds: that one page, or a minute of sound, takes on a core, about. open: for so many
    threads, 0 for all cores; imports the library, and raises ImportError where that is not installed. libraries:
    distributions of which another release may read otherwise.
    """

    name: str
    about: str
    extra: str
    version: int
    looks: Mapping[Part, Way]
    seconds: float
    open: Callable[[int], Lines]
    libraries: tuple[str, ...] = ()

    @property
    def edition(self) -> str:
        """Names what it reads: another one may read the same content otherwise."""
        known = {it.name: it.version for name in self.libraries for it in distributions(name=name)}
        parts = [
            f"{self.version}",
            f"{PREPROCESSING}",
            *(f"{name}-{known.get(name)}" for name in self.libraries),
        ]
        return "-".join(parts)

    def cost(self, part: Part) -> float:
        """Seconds of a core that such a part takes at most, of pictures that move no more than one page."""
        way = self.looks[part]
        if isinstance(way, Sound):
            return self.seconds * way.seconds / MINUTE
        return self.seconds * (way.frames if part == Part.VIDEO else 1)

    def opened(self, threads: int) -> Lines:
        """Raises NoReaderError."""
        try:
            return self.open(threads)
        except ImportError as error:
            raise NoReaderError(
                f"the model reads with {self.name!r}, and {error.name or error} is not installed here: "
                f"`pip install 'moderato[{self.extra}]'`, or choose a model whose preset has no reads={self.name}"
            ) from None
