"""Whole rollouts in which nothing is worse than it may be: how much evidence of harm the judge ever sees in them.

All guardrails, policies and markets are asked at every look through all stages. The arithmetic is the judge's own, for
many rollouts at once: a comparison of means takes beside its bets the exact least over all harmless pairs, where the
judge's cells give a little less, and one of quantiles its value for the true pair, which is at least that least.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from infra.rollout.bets import OTHER, placed
from infra.rollout.confidence_sequence import log_evidence, log_likelihood, log_mixture
from infra.rollout.estimate import Line, Mean, Quantile
from infra.rollout.guardrail import Guardrail
from infra.rollout.judge import ERROR_RATE, spending
from infra.rollout.onset import weight
from infra.rollout.stages import Stage, plan_named

PLAN = plan_named("steady")
POLICIES, MARKETS = 8, 5
LOOKS, EACH = 12, 400  # of a stage, and posts of the challenger between two
BEFORE = 50_000  # posts that the champion decided before the rollout
JUDGED = 30  # disagreements that moderators judge between two looks
ALIKE = 0.7  # part of the actions that both models take on a post that both see
SECTIONS = 25
RATES = {"error_rate": 0.01, "action_rate": 0.05, "score_shift": 0.1, "flip_rate": 0.1, "judged_right": 0.45}
SCORES = 0.09  # standard deviation of a score
SIDES = {"higher": (1,), "lower": (-1,), "either": (1, -1)}
ASKED = {"action_rate": POLICIES + MARKETS, "score_shift": POLICIES}


@dataclass(frozen=True)
class Drawn:
    """Sums and counts of both models in one stage, [rollouts, LOOKS]."""

    ours: np.ndarray
    n_ours: np.ndarray
    theirs: np.ndarray
    n_theirs: np.ndarray


def evidence(rollouts: int, seed: int, *, at_limit: bool) -> np.ndarray:
    """Log e-value of the whole family at every look, [rollouts, stages * LOOKS].

    at_limit: the challenger is as bad everywhere as its tolerances allow, on the side where more is worse; as good as
    the champion otherwise.
    """
    rng, guardrails, stages = np.random.default_rng(seed), PLAN.guardrails(), len(PLAN.stages)
    parts = []
    for guardrail, its in zip(guardrails, spending(guardrails, stages), strict=True):
        asked = ASKED.get(guardrail.name, 1)
        part = np.log(its.harm / asked / ERROR_RATE)
        parts += [part + _one(guardrail, rollouts, rng, at_limit) for _ in range(asked)]
    return np.logaddexp.reduce(parts)


def _one(guardrail: Guardrail, rollouts: int, rng: np.random.Generator, at_limit: bool) -> np.ndarray:
    """Log R of one question at every look (onset.py), [rollouts, stages * LOOKS]."""
    seen, before = [], np.full((rollouts, 1), -np.inf)
    for number, stage in enumerate(PLAN.stages):
        before = np.logaddexp(before, np.log(weight(number, len(PLAN.stages))))
        if guardrail.name.startswith("latency"):
            here = _of_quantiles(
                0.99 if guardrail.name.endswith("99") else 0.5, _counts(stage), rollouts, rng
            )
        else:
            here = _of_means(guardrail, _draw(guardrail, stage, rollouts, rng, at_limit), stage.balance)
        seen.append(before + here)
        if (
            guardrail.name != "judged_right"
        ):  # which is asked of the whole rollout, once: here of the last stage
            before = before + here[:, -1:]
    return np.hstack(seen)


def _counts(stage: Stage) -> tuple[np.ndarray, np.ndarray]:
    """Posts of the challenger and of the champion at each look, [LOOKS]."""
    ours = np.arange(1, LOOKS + 1) * EACH
    return ours, ours // EACH * round(EACH * (1 - stage.balance) / stage.balance)


def _draw(
    guardrail: Guardrail, stage: Stage, rollouts: int, rng: np.random.Generator, at_limit: bool
) -> Drawn:
    rate = RATES[guardrail.name]
    n_ours, n_theirs = _counts(stage)
    if guardrail.name == "judged_right":
        n_ours = n_ours // EACH * JUDGED
    worse = float(guardrail.tolerance.most(1.0)(rate)) if at_limit and guardrail.worse != "lower" else rate
    shape, each, other = (rollouts, LOOKS), n_ours[0], n_theirs[0]
    if guardrail.name == "score_shift":
        ours, theirs = (
            mean * n + SCORES * np.sqrt(n) * rng.standard_normal(shape)
            for mean, n in ((worse, each), (rate, other))
        )
    else:  # where both see the same posts, they mostly do the same
        both, pairs = (ALIKE * rate, min(each, other)) if stage.share in (0, 1) else (0.0, 0)
        common = rng.binomial(pairs, both, shape)
        ours, theirs = (
            common
            + rng.binomial(pairs - common, (mean - both) / (1 - both))
            + rng.binomial(n - pairs, mean, shape)
            for mean, n in ((worse, each), (rate, other))
        )
    full = np.ones(shape)
    return Drawn(ours.cumsum(1), n_ours * full, theirs.cumsum(1), n_theirs * full)


def _of_means(guardrail: Guardrail, seen: Drawn, balance: float) -> np.ndarray:
    """Log e-values of harm against the champion or, where one is asked of pairs, against a known value."""
    rate, known = RATES[guardrail.name], guardrail.name in ("flip_rate", "judged_right")
    before = (0.0, 0) if known else (rate * BEFORE, BEFORE)
    found = []
    for side in SIDES[guardrail.worse]:
        lines = guardrail._lines(guardrail.tolerance.most if side > 0 else guardrail.tolerance.least, 1.0)
        any_harm = log_mixture(seen.ours, seen.n_ours, Mean(0, 0, before)._prior(lines))
        if known:
            value = 0.5 if guardrail.name == "judged_right" else rate
            within = _within(side, seen.ours / seen.n_ours, lines[0](value))
            found.append(any_harm - _likely(within, seen.ours, seen.n_ours))
            continue
        alike = log_mixture(seen.theirs, seen.n_theirs, Mean(0, 0, before)._prior((Line(1.0, 0.0),)))
        exact = any_harm + alike - _harmless(seen, lines[0], side)
        bets = placed(before, lines, balance).log_evidence(
            seen.ours, seen.n_ours[0], seen.theirs, seen.n_theirs[0]
        )
        found.append(np.logaddexp(np.log(1 - OTHER) + bets, np.log(OTHER) + exact))
    return np.logaddexp.reduce(found) - np.log(len(found))


def _harmless(seen: Drawn, limit: Line, side: int) -> np.ndarray:
    """How likely what was seen is at most where the challenger's mean is within the limit, by golden sections."""
    low = np.full(seen.ours.shape, max(1e-9, -limit.offset / limit.slope + 1e-9))
    high = np.full(seen.ours.shape, min(1.0, (1 - limit.offset) / limit.slope) - 1e-9)

    def at(mean: np.ndarray) -> np.ndarray:
        most = _within(side, seen.ours / seen.n_ours, limit(mean))
        return _likely(most, seen.ours, seen.n_ours) + _likely(mean, seen.theirs, seen.n_theirs)

    ratio = (np.sqrt(5) - 1) / 2
    for _ in range(SECTIONS):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        up = at(left) > at(right)
        low, high = np.where(up, low, left), np.where(up, right, high)
    return at((low + high) / 2)


def _within(side: int, mean: np.ndarray, limit: np.ndarray | float) -> np.ndarray:
    return np.minimum(mean, limit) if side > 0 else np.maximum(mean, limit)


def _likely(mean: np.ndarray, total: np.ndarray, count: np.ndarray) -> np.ndarray:
    return log_likelihood(np.clip(mean, 1e-12, 1 - 1e-12), total, count)


def _of_quantiles(
    level: float, counts: tuple[np.ndarray, np.ndarray], rollouts: int, rng: np.random.Generator
) -> np.ndarray:
    """Of the true pair of quantiles, the challenger's at its limit: both shares of posts below are the level."""
    worse, sample = tuple(Line(times, 0.0) for times in (1.1, 1.2)), Quantile(np.zeros(1, np.int64), level)
    found = np.zeros((rollouts, LOOKS))
    for n, lines in zip(counts, (worse, (Line(1.0, 0.0),)), strict=True):
        below = rng.binomial(n[0], level, (rollouts, LOOKS)).cumsum(1)
        found += log_evidence(level, below, n, sample._prior(lines))
    return found
