"""Which posts meet the challenger: a keyed hash puts each post at a fixed place between 0 and 1.

A share takes the posts below it, so that raising it only ever adds posts; the key is the rollout's own, so that the
next rollout draws anew.
"""

from __future__ import annotations

from hashlib import blake2b

PLACES = 2.0**64


def place(post_id: str, key: str) -> float:
    """Where a post lies in [0, 1), the same wherever and whenever it is asked for."""
    digest = blake2b(post_id.encode(errors="surrogatepass"), digest_size=8, key=key.encode()[:64]).digest()
    return int.from_bytes(digest) / PLACES


def meets_challenger(post_id: str, rollout: str, share: float) -> bool:
    """Whether the challenger decides this post while it has `share` of the traffic, in [0, 1]."""
    return place(post_id, f"share {rollout}") < share


def is_shadowed(post_id: str, rollout: str, share: float) -> bool:
    """Whether the model that does not decide this post sees a copy of it; drawn apart from who decides."""
    return place(post_id, f"shadow {rollout}") < share
