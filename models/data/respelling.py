"""Texts respelled as people do who do not want to be found, for training: the same words, other signs.

They are drawn from the perturbations that no test holds out (models.perturbations). Spellings that draw the same
letters are folded before a model reads (models.domain.folding) and need no copies.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from models.perturbations import PERTURBATIONS
from models.perturbations.base.perturbation import HALF, Family, Perturbation

Families = list[list[Perturbation]]


def trained() -> Families:
    """The perturbations that training sees, those of one family together."""
    found: dict[Family, list[Perturbation]] = defaultdict(list)
    for perturbation in PERTURBATIONS:
        if not perturbation.held_out:
            found[perturbation.family].append(perturbation)
    return [found[family] for family in sorted(found)]


def respelled(text: str, rng: np.random.Generator, families: Families) -> str:
    """The text by a perturbation of one of the families: all of it, or about half of its words."""
    family = families[rng.integers(len(families))]
    perturb = family[rng.integers(len(family))]
    if rng.random() < HALF:
        return perturb(text, rng)
    return " ".join(perturb(word, rng) if rng.random() < HALF else word for word in text.split())


def some_respelled(texts: Sequence[str | None], share: float, rng: np.random.Generator) -> list[str | None]:
    """The texts, about such a share of them respelled."""
    if not share:
        return list(texts)
    families, chosen = trained(), rng.random(len(texts)) < share
    return [
        respelled(text, rng, families) if text and drawn else text
        for text, drawn in zip(texts, chosen, strict=True)
    ]
