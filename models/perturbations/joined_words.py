"""Words without blanks between them, in twos and threes."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import OFTEN, Family, Perturbation


def rewrite(text: str, rng: np.random.Generator) -> str:
    gaps = rng.random(len(text.split()))
    words = (word + ("" if gap < OFTEN else " ") for word, gap in zip(text.split(), gaps, strict=True))
    return "".join(words).strip()


PERTURBATION = Perturbation(
    name="joined_words",
    about="words without blanks between them, in twos and threes",
    family=Family.SPLIT,
    rewrite=rewrite,
)
