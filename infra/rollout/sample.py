"""What is known of one value of one model, as evidence against everything that the value could be.

A sample's line of possible values is cut into cells; the evidence against a cell is the least log e-value against any
value in it, so that cutting never makes a claim bolder. Of two samples the e-values multiply, for the posts of one say
nothing of the other's, and what two models cannot both be is told from the cells of both together: that takes about
half the posts of two intervals that have to lie apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from infra.rollout.boundary import JEFFREYS, TRUST, Prior, expected, interval, log_evidence, sums
from infra.rollout.latency import EDGES, Counts

Floats = NDArray[np.float64]

REACH, STEP = (
    8.0,
    0.05,
)  # standard errors that the fine cells of a mean reach to each side, and how wide they are
EVERYWHERE = np.concatenate(
    [[0.0], 1 / (1 + np.exp(-np.linspace(-16, 16, 161))), [1.0]]
)  # edges of the coarse ones


class Interval(NamedTuple):
    """An estimate, NaN without data, between bounds that hold at all times together."""

    estimate: float
    low: float
    high: float


class Cells(NamedTuple):
    """Values from `lower` to `upper`, [K], in rising order, and the least log e-value against each cell, [K]."""

    lower: Floats
    upper: Floats
    evidence: Floats


class Sample(Protocol):
    def interval(self, alpha: float) -> Interval: ...

    def cells(self) -> Cells: ...


@dataclass(frozen=True)
class Mean:
    """The mean of `count` observations in [0, 1] that add up to `total`."""

    total: float
    count: int
    prior: Prior = JEFFREYS

    def interval(self, alpha: float) -> Interval:
        low, high = interval(self.total, self.count, alpha, self.prior)
        return Interval(self.total / self.count if self.count else float("nan"), float(low), float(high))

    def cells(self) -> Cells:
        estimate = self.total / self.count if self.count else 0.5
        shrunk = (self.total + 1) / (self.count + 2)
        error = np.sqrt(shrunk * (1 - shrunk) / (self.count + 1))
        near = np.clip(estimate + error * np.arange(-REACH, REACH + STEP, STEP), 0, 1)
        edges = np.sort(np.concatenate([near, EVERYWHERE]))
        kindest = np.clip(estimate, edges[:-1], edges[1:])
        total, count = np.full(len(kindest), self.total), np.full(len(kindest), float(self.count))
        return Cells(edges[:-1], edges[1:], log_evidence(kindest, total, count, self.prior))


@dataclass(frozen=True)
class Quantile:
    """A quantile of latencies in milliseconds; counts: [BUCKETS].

    Howard and Ramdas, "Sequential estimation of quantiles with applications to A/B testing and best-arm
    identification" (Bernoulli, 2022): the posts at most as slow as the true quantile are coin flips of a known
    chance, so that their count keeps the boundary of that chance, and the quantile the order statistics at its edges.
    """

    counts: Counts
    level: float

    def interval(self, alpha: float) -> Interval:
        """The outer edges of the buckets that the quantile can lie in; 0 and infinity without enough posts."""
        below, total = np.cumsum(self.counts), self.counts.sum()
        if not total:
            return Interval(float("nan"), 0.0, float("inf"))
        fewest, most = (float(bound) for bound in sums(self.level, total, alpha, self._prior))
        middle, first = (int(np.argmax(below >= least)) for least in (max(self.level * total, 1), fewest))
        last = int(np.argmax(below > most)) if most < total else len(below) - 1
        return Interval(float(EDGES[min(middle, len(EDGES) - 1)]), float(_LOWER[first]), float(_UPPER[last]))

    def cells(self) -> Cells:
        below, total = np.cumsum(self.counts), float(self.counts.sum())
        kindest = np.clip(self.level * total, np.concatenate([[0], below[:-1]]), below)
        level, count = np.full(len(below), self.level), np.full(len(below), total)
        return Cells(_LOWER, _UPPER, log_evidence(level, kindest, count, self._prior))

    @property
    def _prior(self) -> Prior:
        return expected(self.level, TRUST)


@dataclass(frozen=True)
class Known:
    """A value that is certain, to compare with."""

    value: float

    def interval(self, alpha: float) -> Interval:  # noqa: ARG002 - certain at any alpha
        return Interval(self.value, self.value, self.value)

    def cells(self) -> Cells:
        return Cells(np.array([self.value]), np.array([self.value]), np.zeros(1))


_LOWER, _UPPER = np.concatenate([[0.0], EDGES]), np.concatenate([EDGES, [np.inf]])
