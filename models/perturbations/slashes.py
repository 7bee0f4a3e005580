"""Slashes, bars or other signs between letters, the same throughout a text."""

from __future__ import annotations

from models.perturbations.base.perturbation import Family, Perturbation, between

PERTURBATION = Perturbation(
    name="slashes",
    about="slashes, bars or other signs between letters, the same throughout a text",
    family=Family.SPELT,
    rewrite=between(*"/_*'~+|"),
)
