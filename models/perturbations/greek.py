"""Greek letters for the Latin ones that look much like them."""

from __future__ import annotations

from models.perturbations.base.perturbation import Family, Perturbation, by_table

PERTURBATION = Perturbation(
    name="greek",
    about="Greek letters for the Latin ones that look much like them",
    family=Family.ALIKE,
    rewrite=by_table(
        "aeiknopuvwxy", "\u03b1\u03b5\u03b9\u03ba\u03b7\u03bf\u03c1\u03c5\u03bd\u03c9\u03c7\u03b3"
    ),
)
