"""Names for requests and decisions. A decision is read by its name, so that one must not be guessed from others."""

from __future__ import annotations

import hashlib
import random
import secrets

BYTES = 16


def request_id() -> str:
    """32 hexadecimal digits; unique, and no secret: whoever has seen enough of them can work out the next."""
    return f"{random.getrandbits(128):032x}"


def secret_id() -> str:
    """32 hexadecimal digits of the system's randomness, which nobody can work out from others.

    0.6 microseconds: no buffer of random bytes is needed, which a forked process would share with its parent.
    """
    return secrets.token_hex(BYTES)


def derived_id(secret: str, *parts: str) -> str:
    """32 hexadecimal digits, the same for the same parts; who does not know the secret cannot work them out."""
    digest = hashlib.blake2b(key=secret.encode()[: hashlib.blake2b.MAX_KEY_SIZE], digest_size=BYTES)
    for part in map(str.encode, parts):
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()
