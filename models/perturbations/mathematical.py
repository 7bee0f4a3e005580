"""Bold or slanted letters of formulas."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation

FIRST = (0x1D41A, 0x1D482, 0x1D4EA, 0x1D586)  # bold, slanted, of handwriting, of old print


def rewrite(text: str, rng: np.random.Generator) -> str:
    first = FIRST[rng.integers(len(FIRST))]
    return "".join(chr(first + ord(sign) - ord("a")) if "a" <= sign <= "z" else sign for sign in text.lower())


PERTURBATION = Perturbation(
    name="mathematical", about="bold or slanted letters of formulas", family=Family.ALIKE, rewrite=rewrite
)
