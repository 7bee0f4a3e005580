"""Splits that never leak: an author and a near-duplicate cluster lie in one split, test posts are the latest.

Posts tied by author or cluster form a group, and a group goes to one split as a whole. Where copies of popular
texts tie many authors into one giant group (over OVERSIZE of all posts), whole groups would leave nothing to
split: there a group is an author, and of a cluster that then lies in several splits only the copies in one of
them are kept, the split of the copy with the smallest hash.

Undated groups are placed by a hash of their own key, so that new data does not move old posts. Dated groups are
cut in time: see `timeline`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from infra.snapshots.clusters import join
from infra.snapshots.hashing import Keys, mix, uniform
from infra.snapshots.time_split import UNDATED, Times, timeline

FRACTIONS = {"train": 0.80, "validation": 0.05, "calibration": 0.05, "test": 0.10}
TRAIN, VALIDATION, CALIBRATION, TEST = range(4)  # places in models.domain.schemas.SPLITS
LEFT_OUT = -1
OVERSIZE = 0.02
MIN_SPLIT_POSTS = 20  # posts from which every split is to have some

Numbers = npt.NDArray[np.int64]
Split = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Placement:
    """`split` [N] is a place in SPLITS or LEFT_OUT; the counts say why posts are left out."""

    split: Split
    straddling: int
    crossing: int


def place(authors: Keys, clusters: Numbers, times: Times, keys: Keys, seed: int) -> Placement:
    """Place N posts: author hashes (0 for unknown), cluster numbers, microseconds or UNDATED, content hashes."""
    groups, group_keys = group(authors, clusters, keys)
    dated = times != UNDATED
    differ = dated.any() and times[dated].min() < times[dated].max()
    cut = timeline(groups, times if differ else np.full_like(times, UNDATED), uniform(group_keys, 2 * seed))
    chosen = _choose(group_keys, cut.dated, cut.late, seed)
    if len(keys) >= MIN_SPLIT_POSTS:
        chosen = _fill(chosen, np.bincount(groups, minlength=len(group_keys)), cut.dated)
    split = chosen[groups]
    split[cut.wrong_side] = LEFT_OUT
    crossing = _crossing(split, clusters, mix(keys, 2 * seed))
    split[crossing] = LEFT_OUT
    return Placement(split, int(cut.wrong_side.sum()), int(crossing.sum()))


def group(authors: Keys, clusters: Numbers, keys: Keys) -> tuple[Numbers, Keys]:
    """A group number for each post, and a lasting key for each group."""
    _, cluster_of = np.unique(clusters, return_inverse=True)
    known = authors != 0
    _, author_of = np.unique(authors, return_inverse=True)
    width = int(cluster_of.max(initial=-1)) + 1
    tied = np.where(known, author_of + width, cluster_of)  # an author, or a cluster of unknown authors
    nodes = join(np.arange(width + len(authors) + 1, dtype=np.int64), cluster_of, tied)
    whole = nodes[cluster_of]
    oversize = np.bincount(whole)[whole] > max(MIN_SPLIT_POSTS, OVERSIZE * len(keys))
    ids = np.where(oversize, tied + nodes.max(initial=0) + 1, whole)
    _, groups = np.unique(ids, return_inverse=True)
    lasting = np.full(int(groups.max(initial=-1)) + 1, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(lasting, groups, np.where(known, authors, keys))
    return groups.astype(np.int64), lasting


def _choose(group_keys: Keys, dated: npt.NDArray[np.bool_], late: npt.NDArray[np.bool_], seed: int) -> Split:
    """Each group's split: late groups are test, other dated ones are not, undated ones go by hash alone."""
    chance = uniform(group_keys, 2 * seed + 1)
    scale = np.where(dated, 1 / (1 - FRACTIONS["test"]), 1.0)
    validation = FRACTIONS["validation"] * scale
    calibration = validation + FRACTIONS["calibration"] * scale
    test = calibration + np.where(dated, 0.0, FRACTIONS["test"])
    chosen = np.full(len(group_keys), TRAIN, np.int8)
    chosen[chance < test] = TEST
    chosen[chance < calibration] = CALIBRATION
    chosen[chance < validation] = VALIDATION
    chosen[late] = TEST
    return chosen


def _fill(chosen: Split, sizes: Numbers, dated: npt.NDArray[np.bool_]) -> Split:
    """Give a split that chance left empty the smallest group of train; a dated one cannot go to test."""
    chosen = chosen.copy()
    for split in (TEST, VALIDATION, CALIBRATION):
        donors = np.flatnonzero((chosen == TRAIN) & ~(dated & (split == TEST)))
        if not (chosen == split).any() and (chosen == TRAIN).sum() > 1 and len(donors):
            chosen[donors[np.argmin(sizes[donors])]] = split
    return chosen


def _crossing(split: Split, clusters: Numbers, keys: Keys) -> npt.NDArray[np.bool_]:
    """Copies outside the split where their cluster's copy with the smallest key lies."""
    kept = np.flatnonzero(split != LEFT_OUT)
    order = kept[np.lexsort((keys[kept], clusters[kept]))]
    _, first, inverse = np.unique(clusters[order], return_index=True, return_inverse=True)
    crossing = np.zeros(len(split), bool)
    crossing[order] = split[order] != split[order][first][inverse]
    return crossing
