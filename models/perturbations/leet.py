"""Digits and signs for most letters, the same letter always by the same one."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import MOSTLY, Family, Perturbation

SIGNS = {
    "a": "4@", "b": "8", "c": "(", "e": "3", "g": "96", "i": "1!", "l": "1|", "o": "0", "s": "5$", "t": "7+", "z": "2",
}  # fmt: skip


def rewrite(text: str, rng: np.random.Generator) -> str:
    table = {
        letter: signs[rng.integers(len(signs))] for letter, signs in SIGNS.items() if rng.random() < MOSTLY
    }
    return "".join(table.get(letter, letter) for letter in text.lower())


PERTURBATION = Perturbation(
    name="leet",
    about="digits and signs for most letters, the same letter always by the same one",
    family=Family.LEET,
    rewrite=rewrite,
)
