"""A sign in place of every blank."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation

SIGNS = "*_-|~."


def rewrite(text: str, rng: np.random.Generator) -> str:
    return SIGNS[rng.integers(len(SIGNS))].join(text.split())


PERTURBATION = Perturbation(
    name="signs_for_blanks", about="a sign in place of every blank", family=Family.DECORATED, rewrite=rewrite
)
