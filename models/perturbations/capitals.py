"""Capitals throughout."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation


def rewrite(text: str, _: np.random.Generator) -> str:
    return text.upper()


PERTURBATION = Perturbation(
    name="capitals", about="capitals throughout", family=Family.SHOUTED, rewrite=rewrite
)
