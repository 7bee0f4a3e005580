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
from numpy.typing import ArrayLike, NDArray

from infra.rollout.confidence_sequence import (
    DRIFTING,
    JEFFREYS,
    Belief,
    Prior,
    around,
    expected,
    interval,
    log_evidence,
    sums,
)
from infra.rollout.latency import EDGES, Counts

Floats = NDArray[np.float64]

# standard errors that the fine cells of a mean reach to each side, and how wide they are: a cell loses up to its width
# times the distance of the limit in standard errors, in nats
REACH, STEP = 8.0, 0.01
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


@dataclass(frozen=True)
class Line:
    """A value of the challenger's beside each of the champion's; the slope is not negative where it is a limit."""

    slope: float
    offset: float

    def __call__(self, value: ArrayLike) -> Floats:
        return self.slope * np.asarray(value, np.float64) + self.offset


SAME = Line(1.0, 0.0)
Expected = tuple[Line, ...]  # one: what is expected; more: the limit, and harms beyond it, the least first
ODDS = {1.35: 0.55, 2.0: 0.4}  # times the odds of a post beyond a quantile's limit; one shift fits no tail
WITHIN = 0.5  # to which part of its distance from the quantile's own share such a share is expected


class Sample(Protocol):
    """`lines`: what is expected beside what the champion did before the rollout: a bet, never a condition."""

    def interval(self, alpha: float) -> Interval: ...

    def cells(self, lines: Expected = (SAME,)) -> Cells: ...


@dataclass(frozen=True)
class Mean:
    """The mean of `count` observations in [0, 1] that add up to `total`.

    before: total and count of the champion's observations before the rollout.
    """

    total: float
    count: int
    before: tuple[float, int] = (0.0, 0)

    def interval(self, alpha: float) -> Interval:
        low, high = interval(self.total, self.count, alpha, self._prior((SAME,)))
        return Interval(self.total / self.count if self.count else float("nan"), float(low), float(high))

    def cells(self, lines: Expected = (SAME,)) -> Cells:
        estimate = self.total / self.count if self.count else 0.5
        shrunk = (self.total + 1) / (self.count + 2)
        error = np.sqrt(shrunk * (1 - shrunk) / (self.count + 1))
        near = np.clip(estimate + error * np.arange(-REACH, REACH + STEP, STEP), 0, 1)
        edges = np.sort(np.concatenate([near, EVERYWHERE]))
        kindest = np.clip(estimate, edges[:-1], edges[1:])
        evidence = log_evidence(kindest, self.total, self.count, self._prior(lines))
        return Cells(edges[:-1], edges[1:], evidence)

    def _prior(self, lines: Expected) -> Prior:
        """Of harm anything, for what is likely is bet on (bets.py)."""
        total, count = self.before
        if not count or len(lines) > 1:
            return JEFFREYS
        return expected(np.clip(lines[0](total / count), 0, 1), count)


@dataclass(frozen=True)
class Quantile:
    """A quantile of latencies in milliseconds; counts: [BUCKETS]; before: the champion's before the rollout.

    Howard and Ramdas, "Sequential estimation of quantiles with applications to A/B testing and best-arm
    identification" (Bernoulli, 2022): the posts at most as slow as the true quantile are coin flips of a known
    chance, so that their count keeps the boundary of that chance, and the quantile the order statistics at its edges.
    """

    counts: Counts
    level: float
    before: Counts | None = None

    def interval(self, alpha: float) -> Interval:
        """The outer edges of the buckets that the quantile can lie in; 0 and infinity without enough posts."""
        below, total = np.cumsum(self.counts), self.counts.sum()
        if not total:
            return Interval(float("nan"), 0.0, float("inf"))
        fewest, most = (float(bound) for bound in sums(self.level, total, alpha, (self._anything,)))
        middle, first = (int(np.argmax(below >= least)) for least in (max(self.level * total, 1), fewest))
        last = int(np.argmax(below > most)) if most < total else len(below) - 1
        return Interval(float(EDGES[min(middle, len(EDGES) - 1)]), float(_LOWER[first]), float(_UPPER[last]))

    def cells(self, lines: Expected = (SAME,)) -> Cells:
        below, total = np.cumsum(self.counts).astype(np.float64), float(self.counts.sum())
        prior = self._prior(lines)
        evidence = log_evidence(self.level, below, total, prior)
        filled = np.flatnonzero(self.counts)
        within = tuple(
            Belief(
                it.weight,
                np.broadcast_to(it.a, below.shape)[filled],
                np.broadcast_to(it.b, below.shape)[filled],
            )
            for it in prior
        )
        fewest = below[filled] - self.counts[filled]
        evidence[filled] = _least(self.level, fewest, below[filled], total, within)
        return Cells(_LOWER, _UPPER, evidence)

    def _prior(self, lines: Expected) -> Prior:
        """Of the share of posts up to each cell, [BUCKETS] where it says more than the level."""
        if len(lines) == 1:
            if self.before is None or not self.before.sum():
                return (self._anything,)
            return expected(self._shares(lines[0]), float(self.before.sum()), drifting=self.level)
        slower = lines[-1](1.0) > lines[0](
            1.0
        )  # than the limit, at which the share of posts is not the level then
        beside = [1 / ratio if slower else ratio for ratio in ODDS]
        shares = [self.level * odds / (1 - self.level + self.level * odds) for odds in beside]
        beliefs = [
            around(weight, share, WITHIN * abs(share - self.level))
            for weight, share in zip(ODDS.values(), shares, strict=True)
        ]
        return (*beliefs, self._anything._replace(weight=1 - sum(ODDS.values())))

    def _shares(self, line: Line) -> Floats:
        """Of posts up to each cell, [BUCKETS], where every latency from before is moved along the line."""
        assert self.before is not None
        below = (np.cumsum(self.before)[:-1] + 0.5) / (self.before.sum() + 1)
        moved = np.interp((EDGES - line.offset) / line.slope, EDGES, below)
        return np.asarray(np.clip(np.append(moved, 1.0), _SURE, 1 - _SURE))

    @property
    def _anything(self) -> Belief:
        return expected(self.level, DRIFTING)[0]


@dataclass(frozen=True)
class Known:
    """A value that is certain, to compare with."""

    value: float

    def interval(self, alpha: float) -> Interval:  # noqa: ARG002 - certain at any alpha
        return Interval(self.value, self.value, self.value)

    def cells(self, lines: Expected = (SAME,)) -> Cells:  # noqa: ARG002 - certain whatever is expected
        return Cells(np.array([self.value]), np.array([self.value]), np.zeros(1))


def _least(level: float, fewest: Floats, most: Floats, total: float, prior: Prior) -> Floats:
    """The least evidence against `level` of any whole count from `fewest` to `most`: it is convex in the count."""
    while (fewest < most).any():
        middle = np.floor((fewest + most) / 2)
        above = np.minimum(middle + 1, most)
        rises = log_evidence(level, above, total, prior) > log_evidence(level, middle, total, prior)
        fewest, most = np.where(rises, fewest, above), np.where(rises, middle, most)
    return log_evidence(level, fewest, total, prior)


_SURE = 1e-4  # nearest to none and all that a share is expected
_LOWER, _UPPER = np.concatenate([[0.0], EDGES]), np.concatenate([EDGES, [np.inf]])
