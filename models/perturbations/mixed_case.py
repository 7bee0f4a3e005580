"""Capitals and small letters as they fall."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import HALF, Family, Perturbation


def rewrite(text: str, rng: np.random.Generator) -> str:
    return "".join(letter.upper() if rng.random() < HALF else letter.lower() for letter in text)


PERTURBATION = Perturbation(
    name="mixed_case", about="capitals and small letters as they fall", family=Family.SHOUTED, rewrite=rewrite
)
