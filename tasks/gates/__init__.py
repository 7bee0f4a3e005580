"""What a candidate must pass, one gate a file: a file here announces GATE and is asked from then on."""

from __future__ import annotations

from models.catalogue import Catalogue
from tasks.gate import Gate

GATES = Catalogue(__name__, "GATE", Gate)
