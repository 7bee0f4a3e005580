"""Ways to respell a text so that no model finds it, one a file: a file here that announces PERTURBATION is tried."""

from __future__ import annotations

from models.domain.catalogue import Catalogue
from models.perturbations.base.perturbation import Perturbation

PERTURBATIONS = Catalogue(__name__, "PERTURBATION", Perturbation)
