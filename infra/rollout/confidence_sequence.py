"""A confidence sequence for a mean: valid however often, and whenever, it is read.

The beta-binomial mixture of Robbins (1970) as in Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric,
nonasymptotic confidence sequences" (Annals of Statistics, 2021), section 3: for observations x in [0, 1] with mean m,

    M_t(m) = sum_i w_i B(a_i + S_t, b_i + t - S_t) / B(a_i, b_i) / (m^S_t (1 - m)^(t - S_t)),    S_t = x_1 + ... + x_t

is a supermartingale that begins at 1, whatever the beliefs (w_i, a_i, b_i) are as long as the weights add up to 1 and
all are fixed before the first observation. So by Ville's inequality it ever reaches 1 / alpha with probability alpha
at most; what m it has not reached yet is the sequence. It needs no more than the sum and the count: of successes, of
scores, of posts slower than a limit. Beliefs that are right make it reach that sooner, and wrong ones later: a mixture
costs the logarithm of one part's weight beside that part alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Belief(NamedTuple):
    """That a mean is distributed as Beta(a, b), and with what weight; a and b may be arrays, one mean each."""

    weight: float
    a: ArrayLike
    b: ArrayLike


Prior = tuple[Belief, ...]  # weights add up to 1; what it expects costs least to follow, and any is valid

# expects nothing: close to the best for a mean near nought as for one in the middle
JEFFREYS: Prior = (Belief(1.0, 0.5, 0.5),)
DRIFTING = 400  # observations that an expectation is worth where what it rests on has changed since
LASTING = 10_000  # and where it has not; no more, for no two days are the same
LASTS = 0.8  # weight of that
HALVINGS = 50  # of the distance to the root; down to the precision of a float


def expected(mean: ArrayLike, observations: float, drifting: ArrayLike | None = None) -> Prior:
    """The prior that expects this mean, by so many observations made before; arrays give a prior for each.

    drifting: what is expected instead where that no longer holds; the same mean where not given.
    """
    elsewhere = mean if drifting is None else drifting
    if observations <= DRIFTING and drifting is None:
        return (_worth(1.0, mean, observations),)
    return (
        _worth(LASTS, mean, min(observations, LASTING)),
        _worth(1 - LASTS, elsewhere, min(observations, DRIFTING)),
    )


def around(weight: float, mean: ArrayLike, error: ArrayLike) -> Belief:
    """The belief in a mean known to this standard error; never to less than that of LASTING observations."""
    mean, error = np.asarray(mean, np.float64), np.asarray(error, np.float64)
    worth = mean * (1 - mean) / np.maximum(error**2, mean * (1 - mean) / LASTING)
    return Belief(weight, mean * worth, (1 - mean) * worth)


def _worth(weight: float, mean: ArrayLike, observations: float) -> Belief:
    mean = np.asarray(mean, np.float64)
    return Belief(weight, 0.5 + observations * mean, 0.5 + observations * (1 - mean))


def interval(
    total: ArrayLike, count: ArrayLike, alpha: ArrayLike, prior: Prior = JEFFREYS
) -> tuple[Floats, Floats]:
    """Bounds of the mean that hold at all times together with probability 1 - alpha.

    total: sum of the observations, each in [0, 1]; count: how many; alpha: in (0, 1). Broadcast together; without
    an observation the bounds are 0 and 1.
    """
    total, count, alpha = np.broadcast_arrays(
        *(np.asarray(part, np.float64) for part in (total, count, alpha))
    )
    mean = np.divide(total, count, out=np.full(total.shape, 0.5), where=count > 0)

    least = log_mixture(total, count, prior) + np.log(alpha)

    def reached(tried: Floats) -> Flags:
        return np.asarray(log_likelihood(tried, total, count) <= least, np.bool_)

    return root(reached, mean, np.zeros_like(mean)), root(reached, mean, np.ones_like(mean))


def sums(
    mean: ArrayLike, count: ArrayLike, alpha: ArrayLike, prior: Prior = JEFFREYS
) -> tuple[Floats, Floats]:
    """Bounds that the sum of `count` observations with this mean keeps at all times together, by the same boundary."""
    mean, count, alpha = np.broadcast_arrays(*(np.asarray(part, np.float64) for part in (mean, count, alpha)))

    def reached(tried: Floats) -> Flags:
        return np.asarray(log_evidence(mean, tried, count, prior) >= -np.log(alpha), np.bool_)

    return root(reached, mean * count, np.zeros_like(count)), root(reached, mean * count, count)


def log_evidence(mean: ArrayLike, total: ArrayLike, count: ArrayLike, prior: Prior = JEFFREYS) -> Floats:
    """Logarithm of M_t(mean), an e-value against this mean: it exceeds log(1 / alpha) with chance alpha, if ever."""
    return np.asarray(log_mixture(total, count, prior) - log_likelihood(mean, total, count))


def log_mixture(total: ArrayLike, count: ArrayLike, prior: Prior) -> Floats:
    """Logarithm of how likely the observations were to whoever holds these beliefs."""
    from scipy.special import betaln

    total, count = np.asarray(total, np.float64), np.asarray(count, np.float64)
    parts = [
        np.log(it.weight) + betaln(it.a + total, it.b + count - total) - betaln(it.a, it.b) for it in prior
    ]
    return np.asarray(np.logaddexp.reduce(parts) if len(parts) > 1 else parts[0])


def log_likelihood(mean: ArrayLike, total: ArrayLike, count: ArrayLike) -> Floats:
    """Its logarithm, of so many observations with this mean."""
    from scipy.special import xlog1py, xlogy  # a quarter of a second that a roll-back need not wait for

    m, s, t = (np.asarray(part, np.float64) for part in (mean, total, count))
    return np.asarray(xlogy(s, m) + xlog1py(t - s, -m))


def root(reached: Callable[[Floats], Flags], inside: Floats, outside: Floats) -> Floats:
    """Where a mean begins to be reached on the way from `inside`, which is not, to `outside`; `outside` if never."""
    never, near, far = ~reached(outside), inside, outside
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        beyond = reached(middle)
        near, far = np.where(beyond, near, middle), np.where(beyond, middle, far)
    return np.where(never, outside, far)
