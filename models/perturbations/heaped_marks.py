"""Heaps of marks on every letter."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation


def rewrite(text: str, _: np.random.Generator) -> str:
    return "".join(f"{sign}\u0301\u0323\u0336\u0308" if sign.isalnum() else sign for sign in text)


PERTURBATION = Perturbation(
    name="heaped_marks", about="heaps of marks on every letter", family=Family.MARKED, rewrite=rewrite
)
