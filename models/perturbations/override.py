"""Letters backwards under a mark that draws them forwards."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation


def rewrite(text: str, _: np.random.Generator) -> str:
    return "\n".join(f"\u202e{line[::-1]}\u202c" for line in text.split("\n"))


PERTURBATION = Perturbation(
    name="override",
    about="letters backwards under a mark that draws them forwards",
    family=Family.INVISIBLE,
    rewrite=rewrite,
)
