"""Letters in circles."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation

FIRST = 0x24D0


def rewrite(text: str, _: np.random.Generator) -> str:
    return "".join(chr(FIRST + ord(sign) - ord("a")) if "a" <= sign <= "z" else sign for sign in text.lower())


PERTURBATION = Perturbation(name="circled", about="letters in circles", family=Family.ALIKE, rewrite=rewrite)
