"""Letters struck through."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation


def rewrite(text: str, _: np.random.Generator) -> str:
    return "".join(f"{sign}\u0336" for sign in text)


PERTURBATION = Perturbation(
    name="struck_through", about="letters struck through", family=Family.MARKED, rewrite=rewrite
)
