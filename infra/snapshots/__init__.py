"""Snapshots: immutable training sets cut from the lake at fixed versions, whose splits never leak.

Beside them corpora: posts to learn from without judgements.
"""

from infra.snapshots.corpus import cut_corpus, pin_posts
from infra.snapshots.cut import EmptyLakeError, cut_snapshot, pin_versions
from infra.snapshots.scan import batches
from infra.snapshots.store import CutSnapshot
from infra.snapshots.unjudged import unjudged_posts

__all__ = [
    "CutSnapshot",
    "EmptyLakeError",
    "batches",
    "cut_corpus",
    "cut_snapshot",
    "pin_posts",
    "pin_versions",
    "unjudged_posts",
]
