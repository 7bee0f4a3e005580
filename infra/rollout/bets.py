"""Two means against a limit, by bets that no harmless pair of models can win from.

Let the challenger's mean be r, the champion's q, and harmless what has r <= L(q) for a limit L that is a line. A bet is
a harm (a, b), r = a with q = b, and the harmless pair (r*, q*) that the planned posts tell it apart from worst: the
likelihood ratio of the two pairs grows faster than any other e-value where the bet is right (Gruenwald, de Heide and
Koolen, "Safe testing", JRSS B 2024). After n_r and n_q posts whose values, in [0, 1], add up to S_r and S_q,

    W = (a / r*)^S_r ((1 - a) / (1 - r*))^(n_r - S_r) (b / q*)^S_q ((1 - b) / (1 - q*))^(n_q - S_q)

is at most a product, over posts, of something whose expectation is 1 + A (r - r*) or 1 + B (q - q*), with
A = (a - r*) / (r* (1 - r*)) and B alike, for a straight line lies above what is convex. So with

    M = max over harmless (r, q) of (1 + A (r - r*))^n_r (1 + B (q - q*))^n_q >= 1

W / M is, whatever harmless pair is true, at most a supermartingale that begins at 1: by Ville's inequality it ever
reaches 1 / alpha with probability alpha at most, however the posts are shared out. Where they are shared as planned M
is 1, for (r*, q*) is the nearest of a convex set: Turner and Gruenwald, "Safe sequential testing and effect estimation
in stratified count data" (AISTATS 2023); and means may then change from hour to hour for both models. Where both see
the same post, to do the same only makes W less: it rises with what one model does and falls with what the other does.

A likelihood beside the greatest of any harmless pair, as by cells, pays for fitting that pair to chance: half a nat of
six. A mean of such bets is an e-value too, and costs the logarithm of one bet's weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from infra.rollout.confidence_sequence import Belief, Flags, expected, root
from infra.rollout.estimate import Expected, Line, Mean, Sample

Floats = NDArray[np.float64]

# harms that are bet on, in times a tolerance: each is about a fifth more than the one before, so that none lies far off
TIMES: tuple[float, ...] = tuple(np.geomspace(1.5, 32, 16).tolist())
LIKELY, SPREAD = 4.0, 0.8  # times a tolerance that a harm most likely is, and of the logarithm of that
NODES = 12  # values of the champion's mean, for each belief about it
OTHER = 0.1  # weight of evidence by cells, for harms and means that no bet is near
INSIDE = 1e-12  # of the harmless means, to keep off their ends


@dataclass(frozen=True)
class Bets:
    """Harmful pairs of means that are bet on, each [K], with what is harmless and nearest to each."""

    log_weight: Floats
    ours: Floats  # a, of the challenger
    theirs: Floats  # b, of the champion
    nearest: Floats  # q*, of the champion; the challenger's is the limit of it
    limit: Line

    def log_evidence(
        self, ours: ArrayLike, n_ours: ArrayLike, theirs: ArrayLike, n_theirs: ArrayLike
    ) -> Floats:
        """Logarithm of the mean of W / M, for sums of values in [0, 1] and counts of both models; they broadcast."""
        arrays = (np.asarray(it, np.float64) for it in (ours, n_ours, theirs, n_theirs))
        ours, n_ours, theirs, n_theirs = arrays
        seen = np.stack(np.broadcast_arrays(ours, n_ours - ours, theirs, n_theirs - theirs), axis=-1)
        each = seen @ self._log_ratios + self.log_weight - self._most(n_ours[..., None], n_theirs[..., None])
        most = each.max(
            axis=-1, keepdims=True
        )  # ten times as quick as logaddexp.reduce, over hundreds of bets
        return np.asarray(most[..., 0] + np.log(np.exp(each - most).sum(axis=-1)))

    @property
    def _log_ratios(self) -> Floats:
        """Of one success and one failure of the challenger, and of the champion, [4, K]."""
        harmless = self.limit(self.nearest)
        pairs = ((self.ours, harmless), (self.theirs, self.nearest))
        return np.stack(
            [row for bet, no in pairs for row in (np.log(bet / no), np.log((1 - bet) / (1 - no)))]
        )

    def _most(self, n_ours: Floats, n_theirs: Floats) -> Floats:
        """Log M: the greatest is on the limit, where it is concave in the champion's mean."""
        q, r, limit = self.nearest, self.limit(self.nearest), self.limit
        rise, other = (self.ours - r) / (r * (1 - r)), (self.theirs - q) / (q * (1 - q))
        u, u_slope = 1 + rise * (limit.offset - r), rise * limit.slope
        v, v_slope = 1 - other * q, other
        posts = np.maximum(n_ours + n_theirs, 1)
        best = -(n_ours * u_slope * v + n_theirs * v_slope * u) / (u_slope * v_slope * posts)
        mean = np.clip(best, *_ends(limit))
        return np.asarray(n_ours * np.log(u + u_slope * mean) + n_theirs * np.log(v + v_slope * mean))


def with_bets(
    challenger: Sample, champion: Sample, lines: Expected, balance: float, by_cells: float
) -> float:
    """Log e-value of harm: bets where both are means and the champion's is known from before, and cells beside them.

    lines: the limit, and harms at TIMES the tolerance; balance: the challenger's part of the posts, as planned.
    """
    if not isinstance(challenger, Mean) or not isinstance(champion, Mean):
        return by_cells
    bets = placed(champion.before, lines, balance)
    if bets is None:
        return by_cells
    found = bets.log_evidence(challenger.total, challenger.count, champion.total, champion.count)
    return float(np.logaddexp(np.log(1 - OTHER) + found, np.log(OTHER) + by_cells))


@lru_cache(maxsize=512)  # a stage asks at every look, and its answer was fixed before the first post
def placed(before: tuple[float, int], lines: Expected, balance: float) -> Bets | None:
    """Bets on each harm beside each mean that the champion may have, by what it did before.

    None where nothing is known of that, or no harm can be told from the limit.
    """
    limit, *harms = lines
    total, count = before
    if not count or limit.slope <= 0 or harms[-1] == limit or not 0 < balance < 1:
        return None
    beliefs = expected(total / count, count)
    means = np.concatenate([_nodes(it) for it in beliefs])
    theirs = np.repeat(means, len(harms))
    ours = np.stack([line(means) for line in harms], axis=1).ravel()
    likely = np.exp(-((np.log(np.array(TIMES) / LIKELY) / SPREAD) ** 2) / 2)
    weights = np.outer(np.repeat([it.weight for it in beliefs], NODES), likely).ravel()
    low, high = _ends(limit)
    can_be = (ours > 0) & (ours < 1) & (theirs > 0) & (theirs < 1) & (low < high)
    if not can_be.any():
        return None
    ours, theirs, weights = ours[can_be], theirs[can_be], weights[can_be]
    return Bets(np.log(weights / weights.sum()), ours, theirs, nearest(ours, theirs, limit, balance), limit)


def _nodes(belief: Belief) -> Floats:
    """Means that are equally likely by a belief, [NODES]."""
    from scipy.special import betaincinv  # a quarter of a second that a roll-back need not wait for

    return np.asarray(betaincinv(belief.a, belief.b, (np.arange(NODES) + 0.5) / NODES))


def nearest(ours: Floats, theirs: Floats, limit: Line, balance: float) -> Floats:
    """The champion's mean in the harmless pair that posts in this balance tell apart from the bet worst, [K]."""

    def beyond(mean: Floats) -> Flags:
        other = limit(mean)
        slope = balance * limit.slope * (ours - other) / (other * (1 - other))
        return np.asarray(slope + (1 - balance) * (theirs - mean) / (mean * (1 - mean)) <= 0)

    low, high = _ends(limit)
    margin = INSIDE * (high - low)
    return root(beyond, np.full_like(ours, low + margin), np.full_like(ours, high - margin))


def _ends(limit: Line) -> tuple[float, float]:
    """Between which means of the champion's both means on the limit can be means of values in [0, 1]."""
    return max(0.0, -limit.offset / limit.slope), min(1.0, (1 - limit.offset) / limit.slope)
