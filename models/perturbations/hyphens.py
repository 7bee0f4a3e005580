"""Hyphens between letters, and between words or not."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import HALF, Family, Perturbation


def rewrite(text: str, rng: np.random.Generator) -> str:
    gap = "- -" if rng.random() < HALF else " "
    return gap.join("-".join(word) for word in text.split())


PERTURBATION = Perturbation(
    name="hyphens",
    about="hyphens between letters, and between words or not",
    family=Family.SPELT,
    rewrite=rewrite,
)
