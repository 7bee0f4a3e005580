"""A blank inside of every word."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation, each_word, inside


def cut(word: str, rng: np.random.Generator) -> str:
    first, end = inside(word)
    if end <= first:
        return word
    at = int(rng.integers(first, end + 1))
    return f"{word[:at]} {word[at:]}"


PERTURBATION = Perturbation(
    name="cut_by_blank",
    about="a blank inside of every word",
    family=Family.SPLIT,
    rewrite=each_word(cut, least=4),
)
