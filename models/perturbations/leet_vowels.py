"""Digits for vowels."""

from __future__ import annotations

from models.perturbations.base.perturbation import Family, Perturbation, by_table

PERTURBATION = Perturbation(
    name="leet_vowels", about="digits for vowels", family=Family.LEET, rewrite=by_table("aeio", "4310")
)
