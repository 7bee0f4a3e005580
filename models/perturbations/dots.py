"""Full stops between letters."""

from __future__ import annotations

from models.perturbations.base.perturbation import Family, Perturbation, between

PERTURBATION = Perturbation(
    name="dots", about="full stops between letters", family=Family.SPELT, rewrite=between(".")
)
