"""How the wide half is found: L2-regularised logistic regression over TF-IDF, a convex problem for each policy.

It is solved for itself and not with the encoders: trained together by gradient steps, rare features never
reach their weights before the encoders have explained the training split away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_array, diags_array, vstack
from scipy.special import expit
from torch import Tensor

from models.data.tokenizer import padded
from models.layers.ngrams import ORDERS, views

CHUNK = 4096  # texts whose character n-grams are counted at once
ITERATIONS, TOLERANCE = 200, 1e-5  # of L-BFGS; the largest derivative of the mean loss
TINY = 1e-6  # square of the length of a text without features

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


@dataclass(frozen=True)
class Features:
    """TF-IDF vectors of N texts: `words` [N, W], and `tokens` [N, V] times `spelling` [V, G]; rows of unit length.

    The second product is never formed: a text has far fewer tokens than character n-grams.
    """

    words: Any
    tokens: Any
    spelling: Any

    @property
    def size(self) -> int:
        return int(self.words.shape[1] + self.spelling.shape[1])

    def of(self, rows: NDArray[np.bool_]) -> Features:
        """The features of some of the texts."""
        return replace(self, words=self.words[rows], tokens=self.tokens[rows])

    def times(self, weights: Floats) -> Floats:
        """Weights [W + G] to logits [N]."""
        middle = self.words.shape[1]
        return self.words @ weights[:middle] + self.tokens @ (self.spelling @ weights[middle:])

    def transposed_times(self, residuals: Floats) -> Floats:
        """Residuals [N] to the gradient [W + G]."""
        grams = self.spelling.T @ (self.tokens.T @ residuals)
        return np.concatenate([self.words.T @ residuals, grams])


@dataclass(frozen=True)
class Dense:
    """Vectors [N, D], as they are; in single precision where they are many."""

    rows: NDArray[np.floating]

    @property
    def size(self) -> int:
        return self.rows.shape[1]

    def of(self, rows: NDArray[np.bool_]) -> Dense:
        return Dense(self.rows[rows])

    def times(self, weights: Floats) -> Floats:
        return np.asarray(self.rows @ weights.astype(self.rows.dtype), np.float64)

    def transposed_times(self, residuals: Floats) -> Floats:
        return np.asarray(self.rows.T @ residuals.astype(self.rows.dtype), np.float64)


def solve(
    features: Features | Dense, targets: Floats, weights: Floats, prior: float, penalty: float
) -> Floats:
    """Weights [D] and, last, the intercept that minimise cross-entropy + penalty / 2 * |weights| ** 2.

    targets, weights: [N], targets in [0, 1]. The intercept is drawn to `prior` by the same penalty, so that
    there is a minimum where all targets agree, or none is given.
    """
    start = np.zeros(features.size + 1)
    start[-1] = prior
    scale = 1 / max(weights.sum(), 1.0)

    def loss(point: Floats) -> tuple[float, Floats]:
        logits, pull = features.times(point[:-1]) + point[-1], penalty * (point - start)
        total = (weights * (np.logaddexp(0, logits) - targets * logits)).sum() + pull @ (point - start) / 2
        residuals = weights * (expit(logits) - targets)
        slope = np.append(features.transposed_times(residuals), residuals.sum()) + pull
        return scale * total, scale * slope

    options = {"maxiter": ITERATIONS, "gtol": TOLERANCE, "ftol": 0.0}
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x)


class Regression:
    """The features of some texts, given as token ids, and how rare each is.

    ids: token ids of each text; pieces: [V, K], the character n-grams of each token; starts: [V], whether it
    begins or ends a word (see models.data.tokenizer).
    """

    def __init__(
        self, ids: list[list[int]], pieces: NDArray[np.int64], starts: NDArray[np.integer], bits: int
    ) -> None:
        self.starts, self.sizes = torch.from_numpy(starts), [1 << bits for _ in ORDERS]
        every, spelling = _counts(ids, [*self.sizes, len(pieces)], self.starts, bits), _spelling(pieces)
        counts, tokens = every[:, : -len(pieces)], every[:, -len(pieces) :]
        self.texts = tokens.sum(axis=1) > 0
        self.word_rarity = _rarity(np.bincount(counts.indices, minlength=counts.shape[1]), len(ids))
        occur = np.zeros(spelling.shape[1], dtype=np.int64)
        for first in range(0, len(ids), CHUNK):
            occur += np.bincount(
                (tokens[first : first + CHUNK] @ spelling).indices, minlength=spelling.shape[1]
            )
        gram_rarity = _rarity(occur, len(ids))
        self.squares = spelling @ gram_rarity**2
        self.used = np.unique(counts.indices)
        words = counts[:, self.used] @ diags_array(self.word_rarity[self.used])
        lengths = counts @ self.word_rarity**2, tokens @ self.squares
        words, tokens = (
            csr_array(diags_array(1 / np.sqrt(length + TINY)) @ matrix)
            for length, matrix in zip(lengths, (words, tokens), strict=True)
        )
        self.features = Features(words, tokens, csr_array(spelling @ diags_array(gram_rarity)))

    def tables(self, points: Sequence[Floats]) -> dict[str, Tensor]:
        """What HashedNgrams holds, by name. points: for each policy its weights [W + G] and, last, its intercept."""
        values = np.zeros((sum(self.sizes), len(points)))
        spelled, intercept = np.zeros((len(self.starts), len(points))), np.zeros(len(points))
        for policy, point in enumerate(points):
            values[self.used, policy] = point[: len(self.used)] * self.word_rarity[self.used]
            spelled[:, policy] = self.features.spelling @ point[len(self.used) : -1]
            intercept[policy] = point[-1]
        words = np.column_stack([values, self.word_rarity**2])
        tables = [*np.split(words, np.cumsum(self.sizes)[:-1]), np.column_stack([spelled, self.squares])]
        halves = {f"table_{view}": table.astype(np.float16) for view, table in enumerate(tables)}
        arrays = {**halves, "intercept": intercept.astype(np.float32)}
        return {"starts": self.starts} | {name: torch.from_numpy(array) for name, array in arrays.items()}


def _counts(ids: list[list[int]], sizes: Iterable[int], starts: Tensor, bits: int) -> Any:
    """How often each text holds each bucket of each view, sparse [N, sum of sizes]."""
    offsets = np.cumsum([0, *sizes])

    def parts() -> Iterator[Any]:
        for first in range(0, len(ids), CHUNK):
            input_ids, mask = map(torch.from_numpy, padded(ids[first : first + CHUNK]))
            rows, columns = [], []
            for start, (buckets, whole) in zip(offsets, views(input_ids, mask, starts, bits), strict=False):
                rows.append(whole.nonzero()[:, 0].numpy())
                columns.append(buckets[whole].numpy() + start)
            row, column = np.concatenate(rows), np.concatenate(columns)
            yield csr_array((np.ones(len(row)), (row, column)), shape=(len(input_ids), offsets[-1]))

    return csr_array(vstack(list(parts())))


def _spelling(pieces: NDArray[np.int64]) -> Any:
    """Which character n-grams each token holds, as a sparse matrix [V, G]."""
    token, place = np.nonzero(pieces)
    return csr_array(
        (np.ones(len(token)), (token, pieces[token, place])), shape=(len(pieces), int(pieces.max()) + 1)
    )


def _rarity(frequency: NDArray[np.int64], documents: int) -> Floats:
    """Smoothed inverse document frequency, ln((1 + n) / (1 + df)) + 1."""
    return np.log((1 + documents) / (1 + frequency)) + 1
