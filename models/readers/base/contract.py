"""What every reader keeps. The tests run over ours, `moderato check parts` over others'."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from models.data.sound import Sound
from models.readers.base.reader import Lines, NoReaderError, Reader
from models.readers.base.reading import SHOWS

ODD = ((1, 1, 1, 3), (1, 1, 40, 3), (2, 64, 48, 3), (1, 300, 300, 3))  # shapes of pages
QUIET = ((1, 2), (7_000, 2), (40_000, 2))  # and of sound
LEVELS = (0, 127, 255)


def of_reader(reader: Reader) -> list[str]:
    """What is wrong with one."""
    if not reader.looks or not set(reader.looks) <= set(SHOWS):
        return [f"it looks at {sorted(reader.looks)}; a reader looks at some of {[*map(str, SHOWS)]}"]
    try:
        lines = reader.opened(threads=1)
    except NoReaderError as error:
        return [str(error)]
    shapes = {shape for way in reader.looks.values() for shape in (QUIET if isinstance(way, Sound) else ODD)}
    return [*_bears_anything(lines, sorted(shapes))]


def _bears_anything(lines: Lines, shapes: Iterable[tuple[int, ...]]) -> Iterator[str]:
    for shape in shapes:
        for level in LEVELS:
            try:
                found = lines(np.full(shape, level, np.uint8))
            except Exception as error:  # noqa: BLE001 - of such a picture nothing would be read
                yield f"of {shape} that shows nothing it raises {type(error).__name__}: {error}"
                continue
            if found:
                yield f"of {shape} that shows nothing it reads {found!a}"
