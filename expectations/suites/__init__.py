"""Suites, one dataset a file; each announces SUITE and is run on every validation."""

from __future__ import annotations

from expectations.suite import Suite
from models.domain.catalogue import Catalogue

SUITES = Catalogue(__name__, "SUITE", Suite)
