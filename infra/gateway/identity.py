"""Names for requests and decisions: 128 random bits, so that no two are ever the same."""

from __future__ import annotations

import random


def new_id() -> str:
    """32 hexadecimal digits; unique, and no secret, so it need not cost a call to the system."""
    return f"{random.getrandbits(128):032x}"
