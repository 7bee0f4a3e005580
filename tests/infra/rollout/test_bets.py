"""Bets on harmful pairs of means: no harmless pair wins from them, and a harmful one is found near Wald's limit."""

from datetime import UTC, datetime

import numpy as np
import pytest
from made_up_traffic import Behaviour, traffic
from scipy.stats import binom

from infra.rollout import Rollout, plan_named
from infra.rollout.bets import Bets, nearest, placed
from infra.rollout.comparison_test import against_at_most
from infra.rollout.estimate import Mean
from infra.rollout.evidence import Evidence
from infra.rollout.guardrail import Question
from infra.rollout.guardrails import GUARDRAILS
from tests.benchmarks.simulated_rollouts import GOOD, HARMS, growth

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
BEFORE = (500, 50_000)
ERRORS, ACTIONS = GUARDRAILS["error_rate"], GUARDRAILS["action_rate"]


def bets(guardrail, side, before=BEFORE, balance=0.5):
    lines = guardrail._lines(guardrail.tolerance.most if side > 0 else guardrail.tolerance.least, 1.0)
    return lines[0], placed(before, lines, balance)


@pytest.mark.parametrize("posts", [(60, 60), (30, 300), (300, 30), (200, 0), (0, 200)])
@pytest.mark.parametrize(("guardrail", "side"), [(ERRORS, 1), (ACTIONS, 1), (ACTIONS, -1)])
def test_no_harmless_pair_expects_to_win_however_the_posts_are_shared_out(guardrail, side, posts):
    limit, placed_bets = bets(guardrail, side, (5000, 50_000))
    ours, theirs = (np.arange(n + 1) for n in posts)
    won = np.exp(placed_bets.log_evidence(ours[:, None], posts[0], theirs, posts[1]))
    for champion in (0.001, 0.02, 0.1, 0.3, 0.8):
        for beyond in (0.0, 0.01, 0.1):
            challenger = np.clip(limit(champion) - side * beyond, 0, 1)
            expectation = binom.pmf(ours, posts[0], challenger) @ won @ binom.pmf(theirs, posts[1], champion)
            assert expectation <= 1 + 1e-9


def test_rates_that_change_by_day_and_night_and_stay_harmless_rarely_win_however_often_one_looks():
    rng, level = np.random.default_rng(5), 0.2
    limit, placed_bets = bets(ERRORS, 1)
    rate = np.where(np.arange(3000) // 500 % 2, 0.03, 0.004)
    ours = (rng.random((200, 3000)) < limit(rate)).cumsum(axis=1)
    theirs = (rng.random((200, 3000)) < rate).cumsum(axis=1)
    looks = np.arange(3000)[19::20]
    found = placed_bets.log_evidence(ours[:, looks], looks + 1, theirs[:, looks], looks + 1)
    assert (found.max(axis=1) >= -np.log(level)).mean() <= level


@pytest.mark.parametrize(
    ("harm", "rates"), list(zip(list(HARMS)[:2], [(0.01, 0.02), (0.1, 0.125)], strict=True))
)
def test_one_bet_that_is_right_gains_as_much_a_post_as_walds_limit_has_it(harm, rates):
    theirs, ours = (np.array([it]) for it in rates)
    limit = GUARDRAILS[HARMS[harm][0]].tolerance.most(1.0)
    bet = Bets(np.zeros(1), ours, theirs, nearest(ours, theirs, limit, 0.5), limit)
    assert bet.log_evidence(8000 * ours[0], 8000, 8000 * theirs[0], 8000) == pytest.approx(
        8000 * growth(harm), rel=1e-3
    )


@pytest.mark.parametrize("times", [2, 3, 4, 6, 10, 20])
def test_not_to_know_how_great_a_harm_is_costs_less_than_three_nats(times):
    limit, placed_bets = bets(ERRORS, 1)
    theirs, ours = np.array([GOOD.errors]), ERRORS.tolerance.most(1.0, times)(np.array([GOOD.errors]))
    known = Bets(np.zeros(1), ours, theirs, nearest(ours, theirs, limit, 0.5), limit)
    per_post = float(known.log_evidence(ours[0], 1, theirs[0], 1))
    posts = 8 / per_post
    found = placed_bets.log_evidence(posts * ours[0], posts, posts * theirs[0], posts)
    assert 5 < found < 8


def test_harm_is_found_sooner_than_by_cells_alone_and_without_a_record_by_cells():
    for before, gain in ((BEFORE, 0.5), ((0.0, 0), 0.0)):
        ours, theirs = Mean(130, 6500, before), Mean(65, 6500, before)
        lines = ERRORS._lines(ERRORS.tolerance.most, 1.0)
        by_cells = against_at_most(ours.cells(lines), theirs.cells(), lines[0])
        found = ERRORS.weigh(Question("all posts", ours, theirs))[0]
        assert found >= by_cells + gain
        assert bool(gain) == (found > by_cells)


@pytest.mark.parametrize("before", [(0, 50_000), (50_000, 50_000), (1, 3)])
def test_a_champion_that_never_or_always_did_it_is_no_trouble(before):
    for guardrail, side in ((ERRORS, 1), (ACTIONS, 1), (ACTIONS, -1)):
        _, placed_bets = bets(guardrail, side, before)
        if placed_bets is not None:
            assert np.isfinite(placed_bets.log_evidence([0, 5, 100], 100, [0, 0, 100], 100)).all()


def test_the_balance_of_a_stage_is_that_of_the_posts_it_is_judged_by():
    steady = plan_named("steady")
    assert [it.balance for it in steady.stages] == pytest.approx([1 / 11, 0.01, 0.05, 0.25, 0.5, 10 / 11])
    for number, stage in enumerate(plan_named("brief").stages):
        rollout = Rollout.begin(plan_named("brief"), 1, 2, NOW)
        rollout = rollout.model_copy(update={"stage": number, "share": stage.share, "shadow": stage.shadow})
        evidence = Evidence((), ())
        rows = traffic(rollout, 3000, np.random.default_rng(0), champion=Behaviour(), challenger=Behaviour())
        evidence.take(rows, "1", "2", stage.share)
        counts = evidence.challenger.requests.count, evidence.champion.requests.count
        assert counts[0] / sum(counts) == pytest.approx(stage.balance, abs=0.04)
