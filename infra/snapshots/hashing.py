"""Stable hashing of 64-bit keys: the same on every machine and in every version of every library."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


def mix(keys: Keys, salt: int) -> Keys:
    """SplitMix64's finaliser (Steele, Lea and Flood 2014) over `keys`, a different permutation for each salt."""
    with np.errstate(over="ignore"):
        mixed = keys + np.uint64(_GOLDEN * (salt + 1) & _MASK)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)


def uniform(keys: Keys, salt: int) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for each key."""
    return (mix(keys, salt) >> np.uint64(11)).astype(np.float64) / 2.0**53
