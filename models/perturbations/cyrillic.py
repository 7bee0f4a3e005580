"""Cyrillic letters for the Latin ones that look so."""

from __future__ import annotations

from models.perturbations.base.perturbation import Family, Perturbation, by_table

PERTURBATION = Perturbation(
    name="cyrillic",
    about="Cyrillic letters for the Latin ones that look so",
    family=Family.ALIKE,
    rewrite=by_table("aeopcyxijs", "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455"),
)
