"""Conversions of weights, one a file: a file here that announces CONVERSION can be named by a package's entry."""

from __future__ import annotations

from infra.weights.conversion import Conversion
from models.domain.catalogue import Catalogue

CONVERSIONS = Catalogue(__name__, "CONVERSION", Conversion)
