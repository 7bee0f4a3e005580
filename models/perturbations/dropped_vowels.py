"""Vowels inside of words left out."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation, each_word, inside


def shortened(word: str, _: np.random.Generator) -> str:
    first, end = inside(word)
    return word[:first] + "".join(sign for sign in word[first:end] if sign not in "aeiouAEIOU") + word[end:]


PERTURBATION = Perturbation(
    name="dropped_vowels",
    about="vowels inside of words left out",
    family=Family.OMITTED,
    rewrite=each_word(shortened, least=4),
)
