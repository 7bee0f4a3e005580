"""A letter too many inside of every word."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation, each_word, inside


def rewritten(word: str, rng: np.random.Generator) -> str:
    first, end = inside(word)
    if end <= first:
        return word
    at = int(rng.integers(first, end))
    return word[:at] + chr(ord("a") + int(rng.integers(26))) + word[at:]


PERTURBATION = Perturbation(
    name="extra_letters",
    about="a letter too many inside of every word",
    family=Family.TYPING,
    rewrite=each_word(rewritten, least=4),
)
