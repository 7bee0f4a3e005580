"""Soft hyphens between letters."""

from __future__ import annotations

from models.perturbations.base.perturbation import Family, Perturbation, between

PERTURBATION = Perturbation(
    name="soft_hyphens",
    about="soft hyphens between letters",
    family=Family.INVISIBLE,
    rewrite=between("\u00ad"),
)
