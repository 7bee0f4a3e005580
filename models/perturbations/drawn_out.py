"""Some letters twice, three or four times."""

from __future__ import annotations

import re

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation

LETTERS, SHARE, MOST = re.compile(r"[^\W\d_]"), 0.3, 4


def rewrite(text: str, rng: np.random.Generator) -> str:
    return LETTERS.sub(
        lambda letter: letter[0] * (int(rng.integers(2, MOST + 1)) if rng.random() < SHARE else 1), text
    )


PERTURBATION = Perturbation(
    name="drawn_out",
    about="some letters twice, three or four times",
    family=Family.DRAWN_OUT,
    rewrite=rewrite,
)
