"""Every word from its last letter to its first, where it stands."""

from __future__ import annotations

from models.perturbations.base.perturbation import Family, Perturbation, each_word

PERTURBATION = Perturbation(
    name="backward_words",
    about="every word from its last letter to its first, where it stands",
    family=Family.BACKWARDS,
    rewrite=each_word(lambda word, _: word[::-1]),
)
