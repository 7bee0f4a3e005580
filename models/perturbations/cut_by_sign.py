"""A sign inside of every word."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation, each_word, inside

SIGNS = ".-_*'~"


def cut(word: str, rng: np.random.Generator) -> str:
    first, end = inside(word)
    if end <= first:
        return word
    at = int(rng.integers(first, end + 1))
    return word[:at] + SIGNS[rng.integers(len(SIGNS))] + word[at:]


PERTURBATION = Perturbation(
    name="cut_by_sign",
    about="a sign inside of every word",
    family=Family.SPLIT,
    rewrite=each_word(cut, least=4),
)
