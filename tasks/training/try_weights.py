"""What each set of weights at hand tells of the lake's own posts, and what it costs, before anything is trained."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from infra.lake import open_lake
from infra.settings import Settings
from infra.snapshots import EmptyLakeError, cut_snapshot, pin_versions
from infra.weights import alone, frozen_encoder, kept_embeddings, ready
from models.data.snapshot import SnapshotRows, matrix
from models.domain.errors import UserError
from models.evaluation.feature_trial import PolicyTrial, beside, comparable, ngrams, trial
from models.policies import POLICY_SETS
from tasks.plumbing.handle import Handle

LEARNED_FROM = ("train", "validation", "calibration")  # test posts stay unseen
NGRAMS = "n-grams"
POSTS = 3000

Done = Callable[
    [str, int, int], object
]  # told what is worked on, how much of it is done, and how much there is


class UnseenError(UserError):
    """No post has what an encoder looks at."""


class FeatureTrial(Handle):
    """One row: which features, by policy. `seconds` is the cost of embedding and fitting; of embeddings that were kept
    already only those that had to be computed count.
    """

    features: str
    weights: tuple[str, ...] = ()
    posts: int = Field(description="that have what is looked at")
    computed: int = Field(default=0, description="posts that were embedded now")
    seconds: float
    policies: tuple[PolicyTrial, ...]

    @property
    def mean(self) -> float | None:
        """Of the policies that posts tell of."""
        known = [it.average_precision for it in self.policies if it.average_precision is not None]
        return sum(known) / len(known) if known else None


class Tried(Handle):
    """`broken` are weights that cannot be loaded, or see nothing of these posts, with why; `posts` were looked at, of
    `there` that are judged.
    """

    posts: int
    there: int
    trials: tuple[FeatureTrial, ...]
    broken: dict[str, str]


def try_weights(
    settings: Settings,
    addresses: tuple[str, ...] = (),
    posts: int = POSTS,
    done: Done = lambda *_: None,
) -> Tried:
    """Try n-grams, the weights at these addresses, those at hand when empty, and both side by side; packages that one
    address names together are tried one by one.

    The judged posts of a snapshot but for its test posts, at most `posts` of them drawn by the seed. Raises UserError.
    """
    named = tuple(dict.fromkeys(part for address in addresses for part in alone(address)))
    for address in named:  # what is wrong with one is said before anything is computed; one is held at a time
        frozen_encoder(settings, address)
    rows = _rows(settings)
    there = np.sort(
        np.concatenate([rows.positions(split) for split in LEARNED_FROM if rows.counts.get(split)])
    )
    rng = np.random.default_rng(settings.seed)
    chosen = np.sort(rng.choice(there, posts, replace=False)) if len(there) > posts else there
    looked = _Posts.of(rows, chosen, settings.seed, done)
    began = time.monotonic()
    wide = ngrams(looked.texts)
    tried = looked.tried(NGRAMS, wide)
    written = sum(bool(text) for text in looked.texts)
    found = [FeatureTrial(features=NGRAMS, posts=written, policies=tried, seconds=time.monotonic() - began)]
    broken: dict[str, str] = {}
    for address in named or tuple(entry.address for entry in ready(settings)):
        try:
            found += _of_weights(settings, looked, address, wide)
        except UserError as error:
            if named and not isinstance(error, UnseenError):
                raise
            broken[address] = str(error)
    return Tried(posts=len(chosen), there=len(there), trials=tuple(found), broken=broken)


@dataclass(frozen=True)
class _Posts:
    """What is tried on: labels [N, P], NaN where nobody judged, and which posts are near-duplicates [N]."""

    rows: SnapshotRows
    chosen: NDArray[np.int64]
    texts: list[str | None]
    labels: NDArray[np.float32]
    groups: NDArray[np.integer[Any]]
    seed: int
    done: Done

    @classmethod
    def of(cls, rows: SnapshotRows, chosen: NDArray[np.int64], seed: int, done: Done) -> _Posts:
        table = rows.take(chosen, "text", "labels", "cluster")
        labels = matrix(table["labels"], len(rows.policies))
        return cls(rows, chosen, table["text"].to_pylist(), labels, table["cluster"].to_numpy(), seed, done)

    def tried(self, features: str, given: Any) -> tuple[PolicyTrial, ...]:
        found = []
        for place, policy in enumerate(self.rows.policies):
            self.done(f"fitting {features}", place, len(self.rows.policies))
            found.append(trial(given, policy, self.labels[:, place], self.groups, self.seed))
        return tuple(found)


def _rows(settings: Settings) -> SnapshotRows:
    """The lake's judged posts as a retraining would cut them; raises EmptyLakeError."""
    lake, policy_set = open_lake(settings), POLICY_SETS[settings.policy_set]
    made = cut_snapshot(lake, pin_versions(lake), policy_set, settings.seed, settings.work / "snapshots")
    rows = SnapshotRows.open(made.uri, settings.options_for(made.uri))
    if not any(rows.counts.get(split) for split in LEARNED_FROM):
        raise EmptyLakeError("the lake holds no judged posts that may be learned from; ingest more")
    return rows


def _of_weights(settings: Settings, looked: _Posts, address: str, wide: Any) -> Iterator[FeatureTrial]:
    """The weights alone and beside n-grams; raises UnseenError where no post has what they look at."""
    encoder, kept = frozen_encoder(settings, address), kept_embeddings(settings)
    before, began = kept.held(encoder), time.monotonic()
    told = partial(looked.done, f"embedding with {address}")
    vectors = kept.of_rows(looked.rows, looked.chosen, encoder, told)
    computed, embedding = kept.held(encoder) - before, time.monotonic() - began
    seen = int(vectors.any(axis=1).sum())
    if not seen:
        raise UnseenError(
            f"it looks at a post's {encoder.column}, and none of the {len(vectors):,} posts that were looked at has "
            "one that can be read"
        )
    deep = comparable(vectors)
    for features, given in ((address, deep), (f"{NGRAMS} + {address}", beside(wide, deep))):
        began = time.monotonic()
        yield FeatureTrial(
            features=features,
            weights=(address,),
            posts=seen,
            computed=computed,
            policies=looked.tried(features, given),
            seconds=embedding + time.monotonic() - began,
        )
