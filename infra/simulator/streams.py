"""Independent random streams, named by what they decide, so that no part's draws move another's."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    WORDS = 1
    TERMS = 2
    DRIFT = 3
    TRENDS = 4
    AUTHORS = 5
    RINGS = 6
    MODERATORS = 7
    DRAWINGS = 8
    POSTS = 9
    CAPTIONS = 10
    CROPS = 11
    VOTES = 12
    REACH = 13
    NAMES = 14
    DESCRIPTIONS = 15


def stream(seed: int, name: Stream, *place: int) -> np.random.Generator:
    """A generator that depends on nothing but its arguments."""
    return np.random.default_rng([seed, int(name), *place])
