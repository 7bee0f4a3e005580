"""One letter inside of every word left out."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation, each_word, inside


def shortened(word: str, rng: np.random.Generator) -> str:
    first, end = inside(word)
    if end <= first:
        return word
    at = int(rng.integers(first, end))
    return word[:at] + word[at + 1 :]


PERTURBATION = Perturbation(
    name="missing_letters",
    about="one letter inside of every word left out",
    family=Family.OMITTED,
    rewrite=each_word(shortened, least=4),
)
