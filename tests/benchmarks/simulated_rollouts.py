"""Rollouts that never met a gateway: what two models do to posts, drawn, and who stops the worse one when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import mannwhitneyu

from infra.rollout.evidence import Evidence
from infra.rollout.guardrail import Guardrail
from infra.rollout.judge import ERROR_RATE
from infra.rollout.latency import bucketed
from infra.rollout.stages import plan_named

READ_EVERY, READINGS = 400, 75  # posts of the challenger; half of the traffic is its
CHECK_EVERY = 3  # readings between two checks of a fixed interval, as of a minute
BEFORE = 10_000  # posts that the champion decided before the rollout
FAILURES = 5  # checks that Flagger lets fail
CONFIDENCE = 0.98  # of Kayenta's test
MARKET, POLICY = "all", "a policy"
SPREAD = 0.35  # of the logarithm of a latency


@dataclass(frozen=True)
class Model:
    errors: float = 0.01
    acts_on: float = 0.1
    latency: float = 8.0  # median, milliseconds
    tail: float = 1.0  # factor on the slowest posts, one in fifty


GOOD = Model()
SCENARIOS = {
    "an equal challenger": ("error_rate action_rate latency_p99", GOOD),
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
        waits = rng.lognormal(np.log(model.latency), SPREAD, (READINGS, READ_EVERY))
        slow = waits > model.latency * np.exp(SPREAD * 2.0537)  # the 98th percentile
        return cls(
            rng.binomial(READ_EVERY, model.errors, READINGS),
            rng.binomial(READ_EVERY, model.acts_on, READINGS),
            np.where(slow, waits * model.tail, waits),
        )

    def per_check(self, what: str) -> np.ndarray:
        """The metric over each fixed interval, [checks]."""
        if what == "latency_p99":
            return np.quantile(self.latencies.reshape(-1, CHECK_EVERY * READ_EVERY), 0.99, axis=1)
        counts = self.errors if what == "error_rate" else self.actions
        return counts.reshape(-1, CHECK_EVERY).sum(axis=1) / (CHECK_EVERY * READ_EVERY)


def stopped(scenario: str, seed: int) -> tuple[int, int, int]:
    """Posts that the challenger decided before each of the three stopped it; 0 where it never was."""
    names, model = SCENARIOS[scenario]
    rng = np.random.default_rng(seed)
    ours, theirs = Seen.draw(model, rng), Seen.draw(GOOD, rng)
    asked = names.split()
    return _by_the_judge(asked, ours, theirs), _by_checks(asked, ours, theirs), _by_ranks(asked, ours, theirs)


def _by_the_judge(asked: list[str], ours: Seen, theirs: Seen) -> int:
    """Moderato: all guardrails of the plan share the error rate; the judge is asked after every reading."""
    evidence, plan = Evidence((POLICY,), (MARKET,)), plan_named("steady")
    guardrails = plan.guardrails()
    evidence.history.requests.add(BEFORE * GOOD.errors, BEFORE)
    for tallies, name in ((evidence.history.policies, POLICY), (evidence.history.markets, MARKET)):
        tallies[name].add(BEFORE * GOOD.acts_on, BEFORE)
    alpha = ERROR_RATE / len(plan.stages) / len(guardrails)
    wanted = [guardrail for guardrail in guardrails if guardrail.name in asked]
    for reading in range(READINGS):
        for arm, seen in ((evidence.challenger, ours), (evidence.champion, theirs)):
            arm.requests.add(seen.errors[reading], READ_EVERY)
            for tallies, name in ((arm.policies, POLICY), (arm.markets, MARKET)):
                tallies[name].add(seen.actions[reading], READ_EVERY)
            arm.latencies += bucketed(seen.latencies[reading])
        if any(_harms(guardrail, evidence, alpha) for guardrail in wanted):
            return (reading + 1) * READ_EVERY
    return 0


def _harms(guardrail: Guardrail, evidence: Evidence, alpha: float) -> bool:
    questions = list(guardrail.questions(evidence))
    return any(guardrail.weigh(question)[0] >= np.log(len(questions) / alpha) for question in questions)


def _by_checks(asked: list[str], ours: Seen, theirs: Seen) -> int:
    """Flagger's way: the interval's metric against a threshold, here ours, and so many failed checks."""
    tolerances = {guardrail.name: guardrail.tolerance for guardrail in plan_named("steady").guardrails()}
    failed = np.zeros(READINGS // CHECK_EVERY, bool)
    for name in asked:
        mine, its, tolerance = ours.per_check(name), theirs.per_check(name), tolerances[name]
        failed |= mine > its * (1 + tolerance.relative) + tolerance.absolute
        if name == "action_rate":
            failed |= mine < its * (1 - tolerance.relative) - tolerance.absolute
    reached = np.flatnonzero(failed.cumsum() >= FAILURES)
    return int(reached[0] + 1) * CHECK_EVERY * READ_EVERY if len(reached) else 0


def _by_ranks(asked: list[str], ours: Seen, theirs: Seen) -> int:
    """Kayenta's way: a Mann-Whitney test over the intervals so far, read again after each."""
    for checks in range(4, READINGS // CHECK_EVERY + 1):
        for name in asked:
            sides = "two-sided" if name == "action_rate" else "greater"
            mine, its = ours.per_check(name)[:checks], theirs.per_check(name)[:checks]
            if mannwhitneyu(mine, its, alternative=sides).pvalue < 1 - CONFIDENCE:
                return checks * CHECK_EVERY * READ_EVERY
    return 0
