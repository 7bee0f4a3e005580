"""Asterisks or other signs about every word."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation

SIGNS = ("*", "**", "_", "~", "|")


def rewrite(text: str, rng: np.random.Generator) -> str:
    sign = SIGNS[rng.integers(len(SIGNS))]
    return " ".join(f"{sign}{word}{sign}" for word in text.split())


PERTURBATION = Perturbation(
    name="asterisks",
    about="asterisks or other signs about every word",
    family=Family.DECORATED,
    rewrite=rewrite,
)
