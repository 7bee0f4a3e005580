"""An asterisk for the first vowel inside of every word."""

from __future__ import annotations

import re

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation

VOWEL = re.compile(r"(?<=[^\W\d_])[aeiou](?=[^\W\d_])", re.IGNORECASE)


def rewrite(text: str, _: np.random.Generator) -> str:
    return " ".join(VOWEL.sub("*", word, count=1) for word in text.split())


PERTURBATION = Perturbation(
    name="censored",
    about="an asterisk for the first vowel inside of every word",
    family=Family.OMITTED,
    rewrite=rewrite,
)
