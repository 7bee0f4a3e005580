"""Near-duplicate clusters: posts with the same picture (or none) whose texts are alike.

Candidates share a band of their sketches (locality-sensitive hashing, Broder 1997; Leskovec, Rajaraman and
Ullman, chapter 3): 16 bands of 4 minima find a pair of similarity 0.8 with probability 0.9998 and one of 0.7
with 0.99. A candidate counts only where the whole sketches agree in THRESHOLD of their places, so that a common
phrase alone joins nothing. In a bucket a post is compared with the bucket's first post and with the one before
it, which keeps the work linear however large the bucket is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from infra.snapshots.hashing import Keys, mix
from infra.snapshots.minhash import WIDTH, Sketches

THRESHOLD = 0.7
_ROWS = 4  # minima in a band
_CHUNK = 1 << 16  # pairs compared at once: 8 MB

Labels = npt.NDArray[np.int64]


def cluster(sketches: Sketches, pictures: Keys) -> Labels:
    """A cluster number [N] for each post, from sketches [N, WIDTH] and picture hashes [N] (0 for none)."""
    labels = np.arange(len(sketches), dtype=np.int64)
    bands = sketches.view(np.uint32)
    salted = mix(pictures, 0)
    for band in range(WIDTH // _ROWS):
        buckets = bands[:, band].astype(np.uint64) ^ salted
        left, right = _candidates(buckets, labels)
        alike = _alike(sketches, pictures, left, right)
        labels = join(labels, left[alike], right[alike])
    return labels


def _candidates(buckets: Keys, labels: Labels) -> tuple[Labels, Labels]:
    """Pairs of posts in one bucket that are not in one cluster already."""
    order = np.argsort(buckets, kind="stable")
    same = buckets[order[1:]] == buckets[order[:-1]]
    begins = np.concatenate([[True], ~same]) if len(order) else np.zeros(0, bool)
    first = order[np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))]
    later = np.flatnonzero(~begins)
    left = np.concatenate([order[later], order[later]])
    right = np.concatenate([first[later], order[later - 1]])
    fresh = labels[left] != labels[right]
    return left[fresh], right[fresh]


def _alike(sketches: Sketches, pictures: Keys, left: Labels, right: Labels) -> npt.NDArray[np.bool_]:
    needed = int(np.ceil(THRESHOLD * WIDTH))
    alike: npt.NDArray[np.bool_] = pictures[left] == pictures[right]
    for start in range(0, len(left), _CHUNK):
        part = slice(start, start + _CHUNK)
        alike[part] &= (sketches[left[part]] == sketches[right[part]]).sum(axis=1) >= needed
    return alike


def join(labels: Labels, left: Labels, right: Labels) -> Labels:
    """`labels` [N] after the clusters of each pair of posts are made one; numbers are arbitrary."""
    if not len(left):
        return labels
    size = int(labels.max()) + 1
    edges = coo_array((np.ones(len(left), np.int8), (labels[left], labels[right])), shape=(size, size))
    _, merged = connected_components(edges, directed=False)
    return np.asarray(merged[labels], dtype=np.int64)
