"""Community guidelines as data, one policy set a file."""

from __future__ import annotations

import sys

from models.catalogue import Catalogue
from models.policy import PolicySet

POLICY_SETS = Catalogue(sys.modules[__name__], "POLICY_SET", PolicySet)
