"""A confidence sequence for a mean: valid however often, and whenever, it is read.

The beta-binomial mixture of Robbins (1970) as in Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric,
nonasymptotic confidence sequences" (Annals of Statistics, 2021), section 3: for observations x in [0, 1] with mean m,

    M_t(m) = B(a + S_t, b + t - S_t) / B(a, b) / (m^S_t (1 - m)^(t - S_t)),      S_t = x_1 + ... + x_t

is a supermartingale that begins at 1, so that by Ville's inequality it ever reaches 1 / alpha with probability alpha
at most. What m it has not reached yet is the sequence. It needs no more than the sum and the count: of successes, of
scores, of posts slower than a limit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

Prior = tuple[float, float]  # a and b; what is expected of the mean costs least to follow, and any is valid

JEFFREYS: Prior = (
    0.5,
    0.5,
)  # expects nothing: close to the best for a mean near nought as for one in the middle
TRUST = 400  # observations that an expectation is worth at most
HALVINGS = 50  # of the distance to the root; down to the precision of a float


def expected(mean: float, observations: float) -> Prior:
    """The prior that expects this mean, by so many observations made before; it takes them for TRUST at most."""
    trust = min(observations, TRUST)
    return JEFFREYS[0] + trust * mean, JEFFREYS[1] + trust * (1 - mean)


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

    def reached(tried: Floats) -> Flags:
        return np.asarray(log_evidence(tried, total, count, prior) >= -np.log(alpha), np.bool_)

    return _root(reached, mean, np.zeros_like(mean)), _root(reached, mean, np.ones_like(mean))


def sums(
    mean: ArrayLike, count: ArrayLike, alpha: ArrayLike, prior: Prior = JEFFREYS
) -> tuple[Floats, Floats]:
    """Bounds that the sum of `count` observations with this mean keeps at all times together, by the same boundary."""
    mean, count, alpha = np.broadcast_arrays(*(np.asarray(part, np.float64) for part in (mean, count, alpha)))

    def reached(tried: Floats) -> Flags:
        return np.asarray(log_evidence(mean, tried, count, prior) >= -np.log(alpha), np.bool_)

    return _root(reached, mean * count, np.zeros_like(count)), _root(reached, mean * count, count)


def log_evidence(mean: Floats, total: Floats, count: Floats, prior: Prior = JEFFREYS) -> Floats:
    """Logarithm of M_t(mean), an e-value against this mean: it exceeds log(1 / alpha) with chance alpha, if ever."""
    from scipy.special import betaln, xlog1py, xlogy  # slow to load, and only who judges needs it

    mixture = betaln(prior[0] + total, prior[1] + count - total) - betaln(*prior)
    return np.asarray(mixture - xlogy(total, mean) - xlog1py(count - total, -mean))


def _root(reached: Callable[[Floats], Flags], inside: Floats, outside: Floats) -> Floats:
    """Where a mean begins to be reached on the way from `inside`, which is not, to `outside`; `outside` if never."""
    never, near, far = ~reached(outside), inside, outside
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        beyond = reached(middle)
        near, far = np.where(beyond, near, middle), np.where(beyond, middle, far)
    return np.where(never, outside, far)
