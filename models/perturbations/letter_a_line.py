"""Every letter on a line of its own."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation


def rewrite(text: str, _: np.random.Generator) -> str:
    return "\n".join(text)


PERTURBATION = Perturbation(
    name="letter_a_line", about="every letter on a line of its own", family=Family.SPELT, rewrite=rewrite
)
