"""How well features tell each policy before anything is trained: a regularised logistic regression, cross-validated.

Near-duplicates share a fold, and the penalty is chosen inside of what a fold learns from, so that no score is of a post
that anything was fitted or chosen on.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.sparse import csr_array, hstack

from models.domain.folding import folded
from models.evaluation.metrics import average_precision, bootstrap_weights
from models.evaluation.thresholds import MAJORITY

MIN_VIOLATIONS = 10  # and as many that do not violate: with fewer, folds would tell of chance alone
FOLDS, INNER_FOLDS = 4, 3
PENALTIES = (0.1, 0.5, 2.5)  # of rows about as long as one
MIDDLE = PENALTIES[1]  # where there are too few violations to choose by
TOLERANCE = 0.01  # of the fit: more says nothing of an order
RESAMPLES, INTERVAL = 200, (5.0, 95.0)  # percentiles

Floats = NDArray[np.float64]
Integers = NDArray[np.integer[Any]]


class PolicyTrial(BaseModel):
    """Average precision on posts that were not learned from, with the interval that holds nine of ten resamples.

    chance: what a ranking by nothing reaches. Without a figure where too few posts tell.
    """

    model_config = ConfigDict(frozen=True)

    policy: str
    violations: int
    judged: int
    chance: float
    average_precision: float | None = None
    interval: tuple[float, float] | None = Field(default=None, description="5 % and 95 % of resamples")


def trial(
    features: Any, policy: str, labels: NDArray[np.float32], groups: Integers, seed: int
) -> PolicyTrial:
    """features: sparse [N, F]; labels: [N], the share of votes that say so, NaN where nobody judged; groups: [N],
    posts of one are near-duplicates of each other.
    """
    rows = np.flatnonzero(~np.isnan(labels))
    violates = labels[rows] >= MAJORITY
    told = PolicyTrial(
        policy=policy,
        violations=int(violates.sum()),
        judged=len(rows),
        chance=float(violates.mean()) if len(rows) else 0.0,
    )
    folds = _folds(violates, groups[rows], FOLDS, seed)
    if min(told.violations, told.judged - told.violations) < MIN_VIOLATIONS or folds is None:
        return told
    scores, given = np.zeros(len(rows)), features[rows]
    targets = labels[rows].astype(np.float64)
    for learned, held in folds:
        penalty = _chosen(given[learned], targets[learned], groups[rows][learned], seed)
        scores[held] = _scores(given[learned], targets[learned], given[held], penalty)
    found = average_precision(violates, scores, bootstrap_weights(groups[rows], RESAMPLES, seed))
    low, high = np.nanpercentile(found[1:], INTERVAL)
    return told.model_copy(
        update={"average_precision": float(found[0]), "interval": (float(low), float(high))}
    )


def ngrams(texts: list[str | None]) -> Any:
    """TF-IDF of words and their pairs, and of character n-grams inside of words, sparse [N, F] with rows of length 1.

    What counts is which posts hold which, and no label: it is fitted on all posts.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    given = [folded(text) if text else "" for text in texts]
    parts = [
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=2, sublinear_tf=True),
    ]
    found = []
    for part in parts:
        try:
            found.append(part.fit_transform(given))
        except ValueError:  # no n-gram that two posts share
            found.append(csr_array((len(given), 1)))
    return csr_array(hstack(found) / np.sqrt(len(found)))


def comparable(vectors: NDArray[np.float32]) -> Any:
    """Embeddings [N, D] as sparse rows about as long as those of n-grams: each number by its mean and deviation.

    A row of zeros, of a post that lacks what was embedded, stays one.
    """
    there = vectors.any(axis=1)
    if not there.any():
        return csr_array(vectors.shape)
    known = vectors[there].astype(np.float64)
    scaled = (known - known.mean(axis=0)) / np.maximum(known.std(axis=0), 1e-9) / np.sqrt(vectors.shape[1])
    made = np.zeros(vectors.shape)
    made[there] = scaled
    return csr_array(made)


def beside(*features: Any) -> Any:
    """Features of the same posts in one."""
    return csr_array(hstack(features))


def _scores(given: Any, targets: Floats, asked: Any, penalty: float) -> Floats:
    """Of the posts that are asked for; a label on which people disagreed counts on both sides, by their shares."""
    from sklearn.linear_model import LogisticRegression

    rows = np.concatenate([np.flatnonzero(targets > 0), np.flatnonzero(targets < 1)])
    positive = np.arange(len(rows)) < (targets > 0).sum()
    weights = np.where(positive, targets[rows], 1 - targets[rows])
    fitted = LogisticRegression(C=1 / penalty, solver="liblinear", tol=TOLERANCE)
    fitted.fit(given[rows], positive, sample_weight=weights)
    scores: Floats = fitted.decision_function(asked)
    return scores


def _chosen(given: Any, targets: Floats, groups: Integers, seed: int) -> float:
    """The penalty that does best on one part of what may be learned from, fitted on the rest of it."""
    violates = targets >= MAJORITY
    folds = _folds(violates, groups, INNER_FOLDS, seed + 1)
    if folds is None or min(violates.sum(), (~violates).sum()) < MIN_VIOLATIONS:
        return MIDDLE
    learned, held = next(folds)
    ones = np.ones((len(held), 1), np.uint8)

    def reached(penalty: float) -> float:
        scores = _scores(given[learned], targets[learned], given[held], penalty)
        return float(np.nan_to_num(average_precision(violates[held], scores, ones)[0]))

    return max(PENALTIES, key=reached)


def _folds(
    violates: NDArray[np.bool_], groups: Integers, most: int, seed: int
) -> Iterator[tuple[Integers, Integers]] | None:
    """What is learned from and what is held out, of so many folds at most; None where no two groups violate."""
    from sklearn.model_selection import StratifiedGroupKFold

    count = min(most, *(len(np.unique(groups[violates == value])) for value in (True, False)))
    if count < 2:  # noqa: PLR2004
        return None
    split = StratifiedGroupKFold(count, shuffle=True, random_state=seed).split(violates, violates, groups)
    return _quietly(split)


def _quietly(split: Iterator[tuple[Integers, Integers]]) -> Iterator[tuple[Integers, Integers]]:
    """Without a warning that a rare class is smaller than the number of folds: its groups were counted."""
    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            pair = next(split, None)
        if pair is None:
            return
        yield pair
