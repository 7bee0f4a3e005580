"""Letters that sound alike, and digits for words."""

from __future__ import annotations

import re

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation

SOUNDS = {"ph": "f", "ck": "k", "c": "k", "s": "z", "th": "d", "x": "ks", "qu": "kw"}
WORDS = {"you": "u", "are": "r", "to": "2", "for": "4", "too": "2", "why": "y", "see": "c"}
SOUNDING = re.compile("|".join(SOUNDS))


def rewrite(text: str, _: np.random.Generator) -> str:
    words = (WORDS.get(word, word) for word in text.lower().split())
    return " ".join(SOUNDING.sub(lambda found: SOUNDS[found[0]], word) for word in words)


PERTURBATION = Perturbation(
    name="by_sound",
    about="letters that sound alike, and digits for words",
    family=Family.SOUND,
    rewrite=rewrite,
)
