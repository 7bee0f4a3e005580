"""Accents on every vowel."""

from __future__ import annotations

import unicodedata

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation

MARKS = "\u0300\u0301\u0302\u0303\u0308"


def rewrite(text: str, rng: np.random.Generator) -> str:
    marked = (
        letter + MARKS[rng.integers(len(MARKS))] if letter in "aeiouAEIOU" else letter for letter in text
    )
    return unicodedata.normalize("NFC", "".join(marked))


PERTURBATION = Perturbation(
    name="diacritics", about="accents on every vowel", family=Family.MARKED, rewrite=rewrite
)
