"""A whole text from its last letter to its first."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation


def rewrite(text: str, _: np.random.Generator) -> str:
    return text[::-1]


PERTURBATION = Perturbation(
    name="backwards",
    about="a whole text from its last letter to its first",
    family=Family.BACKWARDS,
    rewrite=rewrite,
)
