"""What is watched, one signal a file: a file here that announces SIGNAL is read."""

from __future__ import annotations

from infra.watch.signal import Signal
from models.domain.catalogue import Catalogue

SIGNALS = Catalogue(__name__, "SIGNAL", Signal)
