"""How much two samples say for harm, as the judge's cells have it, beside what is exact."""

import numpy as np
import pytest

from infra.rollout.comparison_test import against_at_most
from infra.rollout.confidence_sequence import log_evidence, log_mixture
from infra.rollout.estimate import Line, Quantile, _least
from infra.rollout.evidence import Evidence, Tally
from infra.rollout.guardrail import Question
from infra.rollout.guardrails import GUARDRAILS
from infra.rollout.latency import BUCKETS, bucketed
from tests.benchmarks.simulated_families import Drawn, _harmless

BEFORE = Tally(500, 50_000)
LOST = 0.07  # nats, by cutting the line of possible values into cells


@pytest.mark.parametrize(
    ("failed", "posts"), [((20, 10), (400, 400)), ((170, 4000), (10_000, 400_000)), ((0, 9), (500, 700))]
)
def test_cells_claim_no_more_than_is_exact_and_lose_little(failed, posts):
    guardrail = GUARDRAILS["error_rate"]
    ours, theirs = (Tally(total, count).after(BEFORE) for total, count in zip(failed, posts, strict=True))
    lines = guardrail._lines(guardrail.tolerance.most, 1.0)
    found = against_at_most(ours.cells(lines), theirs.cells(), lines[0])
    bets = log_mixture(ours.total, ours.count, ours._prior(lines)) + log_mixture(
        theirs.total, theirs.count, theirs._prior((Line(1.0, 0.0),))
    )
    seen = Drawn(*(np.full((1, 1), float(it)) for it in (failed[0], posts[0], failed[1], posts[1])))
    exact = float(bets - _harmless(seen, lines[0], 1)[0, 0])
    assert exact - LOST <= found <= exact + 1e-3


def test_the_least_evidence_of_any_count_in_a_cell_is_found():
    sample, total = Quantile(np.zeros(BUCKETS, np.int64), 0.99), 2000.0
    for prior in (sample._prior((Line(1.1, 1.0), Line(1.2, 2.0))), sample._prior((Line(1.0, 0.0),))):
        fewest, most = np.array([1900.0, 1950, 1985]), np.array([1930.0, 2000, 1985])
        found = _least(0.99, fewest, most, total, prior)
        for low, high, least in zip(fewest, most, found, strict=True):
            assert least == pytest.approx(log_evidence(0.99, np.arange(low, high + 1), total, prior).min())


def test_a_tail_as_slow_as_it_may_be_is_rarely_called_worse_however_often_one_looks():
    guardrail, rng, level, rollouts = GUARDRAILS["latency_p99"], np.random.default_rng(3), 0.2, 40
    before, stopped = bucketed(rng.lognormal(2.0, 0.35, 50_000)), 0
    for _ in range(rollouts):
        evidence = Evidence((), ())
        evidence.history.latencies = before
        most = 0.0
        for _ in range(8):
            evidence.challenger.latencies += bucketed(1.1 * rng.lognormal(2.0, 0.35, 500) + 1)
            evidence.champion.latencies += bucketed(rng.lognormal(2.0, 0.35, 500))
            (question,) = guardrail.questions(evidence)
            most = max(most, guardrail.weigh(question)[0])
        stopped += most >= -np.log(level)
    assert stopped / rollouts <= level


def test_what_the_champion_did_before_finds_harm_sooner_and_forbids_no_other():
    """A record that is off by half costs something; it hides nothing."""
    guardrail = GUARDRAILS["error_rate"]
    harms = []
    for record in (Tally(), BEFORE, Tally(750, 50_000)):
        question = Question("all posts", *(Tally(n, 9000).after(record) for n in (180, 90)))
        harms.append(guardrail.weigh(question)[0])
    assert harms[1] > harms[0] + 0.5
    assert harms[2] > harms[0] - 3
