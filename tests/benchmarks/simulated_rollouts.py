"""Rollouts that never met a gateway: what two models do to posts, drawn, and who stops the worse one when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy
from scipy.stats import mannwhitneyu, norm

from infra.rollout.bets import Bets, nearest
from infra.rollout.confidence_sequence import log_likelihood
from infra.rollout.evidence import Evidence
from infra.rollout.guardrail import Guardrail, Spending
from infra.rollout.judge import spending
from infra.rollout.latency import EDGES, bucketed
from infra.rollout.observation import RECENT
from infra.rollout.onset import one_more, weight
from infra.rollout.stages import plan_named

READ_EVERY, READINGS = 100, 300  # posts of the challenger; half of the traffic is its
CHECK_EVERY = 12  # readings between two checks of a fixed interval, as of a minute
FEWEST_CHECKS = 4  # that ranks are compared of
BEFORE = RECENT  # posts that the champion decided before the rollout
MARKET, POLICY = "all", "a policy"
SPREAD = 0.35  # of the logarithm of a latency
SLOWEST = 2.0537  # standard deviations beyond which one post in fifty lies
TAIL = 15.0, 25.0  # milliseconds between which the champion's p99 can be taken to lie
PLAN = plan_named("steady")
HALF = 4  # the stage in which half of the traffic is the challenger's
METRICS = ("error_rate", "action_rate", "latency_p99")


@dataclass(frozen=True)
class Model:
    errors: float = 0.01
    acts_on: float = 0.1
    latency: float = 8.0  # median, milliseconds
    tail: float = 1.0  # factor on the slowest posts, one in fifty

    def slower_than(self, milliseconds: np.ndarray) -> np.ndarray:
        """The share of posts."""
        edge, wait = self.latency * np.exp(SPREAD * SLOWEST), np.asarray(milliseconds)
        others = np.maximum(norm.sf(np.log(wait / self.latency) / SPREAD) - norm.sf(SLOWEST), 0)
        return others + norm.sf(np.log(np.maximum(wait / self.tail, edge) / self.latency) / SPREAD)


GOOD = Model()
HARMS = {
    "errors 2 % against 1 %": ("error_rate", Model(errors=0.02)),
    "action rate off by a quarter": ("action_rate", Model(acts_on=0.125)),
    "p99 30 % worse": ("latency_p99", Model(tail=1.3)),
}


@dataclass
class Seen:
    """Of one model, reading by reading."""

    errors: np.ndarray  # [READINGS], failed posts
    actions: np.ndarray  # [READINGS], posts that were acted on
    latencies: np.ndarray  # [READINGS, READ_EVERY]

    @classmethod
    def draw(cls, model: Model, rng: np.random.Generator) -> Seen:
        return cls(
            rng.binomial(READ_EVERY, model.errors, READINGS),
            rng.binomial(READ_EVERY, model.acts_on, READINGS),
            _waits(model, (READINGS, READ_EVERY), rng),
        )

    def per_check(self, what: str) -> np.ndarray:
        """The metric over each fixed interval, [checks]."""
        if what == "latency_p99":
            return np.quantile(self.latencies.reshape(-1, CHECK_EVERY * READ_EVERY), 0.99, axis=1)
        counts = self.errors if what == "error_rate" else self.actions
        return counts.reshape(-1, CHECK_EVERY).sum(axis=1) / (CHECK_EVERY * READ_EVERY)


def _waits(model: Model, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    waits = rng.lognormal(np.log(model.latency), SPREAD, shape)
    return np.where(waits > model.latency * np.exp(SPREAD * SLOWEST), waits * model.tail, waits)


def spent_on(name: str) -> tuple[Guardrail, Spending]:
    """A guardrail of the plan and what it may spend."""
    guardrails = PLAN.guardrails()
    return next(
        it
        for it in zip(guardrails, spending(guardrails, len(PLAN.stages)), strict=True)
        if it[0].name == name
    )


def stopped(harm: str, seed: int) -> tuple[int, int]:
    """Posts that the challenger decided before the judge stopped it; 0 where it never did.

    Of harm that was there from the first stage on, though no earlier one has shown anything; and of harm that began
    with this stage.
    """
    name, model = HARMS[harm]
    rng = np.random.default_rng(seed)
    ours, theirs = Seen.draw(model, rng), Seen.draw(GOOD, rng)
    evidence, (guardrail, its) = _known_champion(rng), spent_on(name)
    first, begun = 0, 0
    for reading in range(READINGS):
        _add(evidence, ours, theirs, reading)
        posts = (reading + 1) * READ_EVERY
        shown = _shown(guardrail, its, evidence)
        first = first or (posts if shown + one_more(None, 0.0, 0, its.stages) >= 0 else 0)
        begun = begun or (posts if shown + one_more(None, 0.0, HALF, its.stages) >= 0 else 0)
        if begun:
            break
    return first, begun


def known(harm: str, seed: int) -> int:
    """Posts before who knows both models stops the same rollout by the same looks: what Wald's bound is met by."""
    name, model = HARMS[harm]
    rng, limit = np.random.default_rng(seed), spent_on(name)[0].tolerance.most(1.0)
    ours, theirs = Seen.draw(model, rng), Seen.draw(GOOD, rng)
    posts = np.arange(1, READINGS + 1) * READ_EVERY
    if name == "latency_p99":
        shown = _of_known_tails(model, ours, theirs, posts[:, None])
    else:
        rate, worse = (np.array([it.errors if name == "error_rate" else it.acts_on]) for it in (GOOD, model))
        bet = Bets(np.zeros(1), worse, rate, nearest(worse, rate, limit, 0.5), limit)
        seen = (it.errors if name == "error_rate" else it.actions for it in (ours, theirs))
        shown = bet.log_evidence(*(it for sums in seen for it in (sums.cumsum(), posts)))
    reached = shown >= needed(harm, 0)
    return int(posts[reached.argmax()]) if reached.any() else 0


def _of_known_tails(model: Model, ours: Seen, theirs: Seen, posts: np.ndarray) -> np.ndarray:
    """The least log likelihood ratio against any value that the champion's p99 may have, [READINGS]."""
    values = EDGES[(TAIL[0] < EDGES) & (TAIL[1] > EDGES)]
    limit = spent_on("latency_p99")[0].tolerance.most(1.0)(values)
    found = np.zeros((len(posts), len(values)))
    for seen, edges, shares in (
        (ours, limit, np.maximum(model.slower_than(limit), 0.01)),
        (theirs, values, np.minimum(GOOD.slower_than(values), 0.01)),
    ):
        slower = np.stack([(row[:, None] > edges).sum(axis=0) for row in seen.latencies]).cumsum(axis=0)
        found += log_likelihood(shares, slower, posts) - log_likelihood(0.01, slower, posts)
    return found.min(axis=1)


def _shown(guardrail: Guardrail, its: Spending, evidence: Evidence) -> float:
    """Log evidence of harm in one stage, all questions together, above what the guardrail's part of a verdict takes."""
    questions = list(guardrail.questions(evidence))
    each = [guardrail.weigh(question, evidence.balance)[0] for question in questions]
    return float(np.logaddexp.reduce(each) + np.log(its.harm / len(questions)))


def _known_champion(rng: np.random.Generator) -> Evidence:
    evidence = Evidence((POLICY,), (MARKET,))
    evidence.history.requests.add(rng.binomial(BEFORE, GOOD.errors), BEFORE)
    acted = rng.binomial(BEFORE, GOOD.acts_on)
    for tallies, name in ((evidence.history.policies, POLICY), (evidence.history.markets, MARKET)):
        tallies[name].add(acted, BEFORE)
    evidence.history.latencies += bucketed(_waits(GOOD, (BEFORE,), rng))
    return evidence


def _add(evidence: Evidence, ours: Seen, theirs: Seen, reading: int) -> None:
    for arm, seen in ((evidence.challenger, ours), (evidence.champion, theirs)):
        arm.requests.add(seen.errors[reading], READ_EVERY)
        for tallies, name in ((arm.policies, POLICY), (arm.markets, MARKET)):
            tallies[name].add(seen.actions[reading], READ_EVERY)
        arm.latencies += bucketed(seen.latencies[reading])


def ranks(model: Model, asked: tuple[str, ...], seed: int) -> np.ndarray:
    """Kayenta's way: the p-value of a Mann-Whitney test over the intervals so far, after each; least of all metrics."""
    rng = np.random.default_rng(seed)
    ours, theirs = Seen.draw(model, rng), Seen.draw(GOOD, rng)
    found = np.ones((len(asked), READINGS // CHECK_EVERY))
    for row, name in zip(found, asked, strict=True):
        sides = "two-sided" if name == "action_rate" else "greater"
        mine, its = ours.per_check(name), theirs.per_check(name)
        for checks in range(FEWEST_CHECKS, len(row) + 1):
            row[checks - 1] = mannwhitneyu(mine[:checks], its[:checks], alternative=sides).pvalue
    return found.min(axis=0)


def posts_until(below: np.ndarray) -> np.ndarray:
    """Posts of the challenger before the first check that fails, of [rollouts, checks]; 0 where none does."""
    return np.where(below.any(axis=1), below.argmax(axis=1) + 1, 0) * CHECK_EVERY * READ_EVERY


def growth(harm: str) -> float:
    """How much evidence a post of the challenger's gives at most to who knows both models: Wald's, in nats.

    Both models' posts stream, as many of the champion's as of the challenger's. The bound is the divergence of what
    the two do from the harmless pair that is hardest to tell from them: no test that stops with chance alpha at most
    without harm needs fewer than log(1 / alpha) / growth posts on average (Wald 1945).
    """
    name, model = HARMS[harm]
    limit = spent_on(name)[0].tolerance.most(1.0)
    if name == "latency_p99":
        values = np.linspace(10, 30, 20_001)
        slow, slower = GOOD.slower_than(values), model.slower_than(limit(values))
        apart = np.where(slow < 0.01, _kl(slow, 0.01), 0) + np.where(slower > 0.01, _kl(slower, 0.01), 0)
        return float(apart.min())
    rate, worse = (GOOD.errors, model.errors) if name == "error_rate" else (GOOD.acts_on, model.acts_on)
    rates = np.linspace(rate / 2, worse, 20_001)
    return float((_kl(rate, rates) + _kl(worse, limit(rates))).min())


def _kl(p: np.ndarray | float, q: np.ndarray | float) -> np.ndarray:
    return xlogy(p, p / q) + xlogy(1 - np.asarray(p), (1 - np.asarray(p)) / (1 - np.asarray(q)))


def needed(harm: str, stage: int) -> float:
    """Log e-value that a verdict takes of the guardrail's questions together, on harm that began in this stage."""
    its = spent_on(HARMS[harm][0])[1]
    return float(-np.log(its.harm * weight(stage, its.stages)))
