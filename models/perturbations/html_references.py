"""References of HTML for all characters."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation


def rewrite(text: str, _: np.random.Generator) -> str:
    return "".join(f"&#{ord(sign)};" for sign in text)


PERTURBATION = Perturbation(
    name="html_references",
    about="references of HTML for all characters",
    family=Family.ENCODED,
    rewrite=rewrite,
)
