"""Encoders, one family a file: a file here that announces ENCODER can be chosen."""

from __future__ import annotations

from models.domain.catalogue import Catalogue
from models.encoders.base.encoder import Encoder

ENCODERS = Catalogue(__name__, "ENCODER", Encoder)
