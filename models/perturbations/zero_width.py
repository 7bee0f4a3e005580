"""Spaces, joiners and marks of no width between letters."""

from __future__ import annotations

from models.perturbations.base.perturbation import Family, Perturbation, between

PERTURBATION = Perturbation(
    name="zero_width",
    about="spaces, joiners and marks of no width between letters",
    family=Family.INVISIBLE,
    rewrite=between("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff"),
)
