"""What a candidate must pass, one gate a file: a file here announces GATE and is asked from then on."""

from __future__ import annotations

from models.domain.catalogue import Catalogue
from tasks.gates.base.gate import Gate

GATES = Catalogue(__name__, "GATE", Gate)
