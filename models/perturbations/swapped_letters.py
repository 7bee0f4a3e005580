"""Two neighbouring letters inside of every word swapped."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation, each_word, inside


def swapped(word: str, rng: np.random.Generator) -> str:
    first, end = inside(word)
    if end - first <= 1:  # one letter has no neighbour inside
        return word
    at = int(rng.integers(first, end - 1))
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


PERTURBATION = Perturbation(
    name="swapped_letters",
    about="two neighbouring letters inside of every word swapped",
    family=Family.TYPING,
    rewrite=each_word(swapped),
)
