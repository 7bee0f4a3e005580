"""Every vowel twice or three times."""

from __future__ import annotations

import re

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation

VOWELS = re.compile(r"[aeiouyаеиоуыэюя]", re.IGNORECASE)


def rewrite(text: str, rng: np.random.Generator) -> str:
    times = int(rng.integers(2, 4))
    return VOWELS.sub(lambda letter: letter[0] * times, text)


PERTURBATION = Perturbation(
    name="vowels_drawn_out",
    about="every vowel twice or three times",
    family=Family.DRAWN_OUT,
    rewrite=rewrite,
)
