"""An emoji in place of every blank."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation

EMOJI = ("\N{GRINNING FACE}", "\N{SPARKLES}", "\N{FIRE}", "\N{THUMBS UP SIGN}")


def rewrite(text: str, rng: np.random.Generator) -> str:
    return EMOJI[rng.integers(len(EMOJI))].join(text.split())


PERTURBATION = Perturbation(
    name="emoji_between", about="an emoji in place of every blank", family=Family.DECORATED, rewrite=rewrite
)
