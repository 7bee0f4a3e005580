"""What every reader keeps. The tests run over ours, `moderato check parts` over others'."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.readers.base.reader import Lines, NoReaderError, Reader
from models.readers.base.reading import SHOWS

ODD = ((1, 1, 1, 3), (1, 1, 40, 3), (2, 64, 48, 3), (1, 300, 300, 3))  # shapes of pages
LEVELS = (0, 127, 255)


def of_reader(reader: Reader) -> list[str]:
    """What is wrong with one."""
    if not reader.looks or not set(reader.looks) <= set(SHOWS):
        return [f"it looks at {sorted(reader.looks)}; a reader looks at some of {[*map(str, SHOWS)]}"]
    try:
        lines = reader.opened(threads=1)
    except NoReaderError as error:
        return [str(error)]
    return [*_bears_anything(lines)]


def _bears_anything(lines: Lines) -> Iterator[str]:
    for shape in ODD:
        for level in LEVELS:
            try:
                found = lines(np.full(shape, level, np.uint8))
            except Exception as error:  # noqa: BLE001 - of such a picture nothing would be read
                yield f"of plain pages {shape} it raises {type(error).__name__}: {error}"
                continue
            if found:
                yield f"of plain pages {shape} it reads {found!a}, where nothing is written"
