"""Letters and digits as wide as Chinese ones."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation

WIDER = 0xFEE0  # from ! to its full-width form


def rewrite(text: str, _: np.random.Generator) -> str:
    return "".join(chr(ord(sign) + WIDER) if "!" <= sign <= "~" else sign for sign in text)


PERTURBATION = Perturbation(
    name="full_width",
    about="letters and digits as wide as Chinese ones",
    family=Family.ALIKE,
    rewrite=rewrite,
)
