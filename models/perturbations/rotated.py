"""The letter thirteen places further for every letter."""

from __future__ import annotations

import codecs

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation


def rewrite(text: str, _: np.random.Generator) -> str:
    return codecs.encode(text, "rot13")


PERTURBATION = Perturbation(
    name="rotated",
    about="the letter thirteen places further for every letter",
    family=Family.ENCODED,
    rewrite=rewrite,
    readable=False,
)
