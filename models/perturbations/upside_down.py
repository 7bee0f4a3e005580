"""Letters turned round, to be read with the head down."""

from __future__ import annotations

import numpy as np

from models.perturbations.base.perturbation import Family, Perturbation

TURNED = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ɐqɔpǝɟƃɥᴉɾʞlɯuodbɹsʇnʌʍxʎz")


def rewrite(text: str, _: np.random.Generator) -> str:
    return text.lower().translate(TURNED)[::-1]


PERTURBATION = Perturbation(
    name="upside_down",
    about="letters turned round, to be read with the head down",
    family=Family.ENCODED,
    rewrite=rewrite,
)
