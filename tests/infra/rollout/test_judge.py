from datetime import UTC, datetime

import numpy as np
import pytest
from made_up_traffic import MARKETS, POLICIES, Behaviour, traffic

from infra.rollout import PLANS, ExpectedEffects, Rollout, plan_named
from infra.rollout.contract import of_guardrail, of_plan
from infra.rollout.evidence import OTHER_MARKETS, Evidence
from infra.rollout.guardrails import GUARDRAILS
from infra.rollout.judge import ERROR_RATE, judge, spending
from infra.rollout.stages import Rule

GOOD = Behaviour()
BRIEF, STEADY = plan_named("brief"), plan_named("steady")


def rollout(share=0.5, shadow=0.0):
    begun = Rollout.begin(BRIEF, 1, 2, datetime.now(UTC))
    return begun.model_copy(update={"id": "r1", "share": share, "shadow": shadow})


def verdict(posts, challenger, *, share=0.5, shadow=0.0, promises=None, dry_run=(), champion=GOOD):
    """The judgement, and the subjects it names."""
    evidence = Evidence(POLICIES, (*MARKETS, OTHER_MARKETS), promises or ExpectedEffects())
    if posts:
        found = traffic(
            rollout(share, shadow), posts, np.random.default_rng(6), champion=champion, challenger=challenger
        )
        evidence.take(found, "1", "2", share)
    judgement = judge(BRIEF.guardrails(dry_run), evidence, 4)
    return judgement.verdict, {(reading.guardrail, reading.subject) for reading in judgement.reasons}


def test_no_data_is_inconclusive():
    assert verdict(0, GOOD)[0] == "inconclusive"


def test_an_equal_challenger_is_healthy_with_enough_posts_and_inconclusive_with_few():
    assert verdict(3000, GOOD)[0] == "healthy"
    assert verdict(100, GOOD)[0] == "inconclusive"


def test_one_that_fails_is_unhealthy():
    assert verdict(2000, GOOD.but(errors=0.3)) == ("unhealthy", {("error_rate", "all posts")})


def test_one_that_is_slow_is_unhealthy():
    found, reasons = verdict(3000, GOOD.but(latency=60.0))
    assert found == "unhealthy"
    assert ("latency_p50", "all posts") in reasons


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_one_that_acts_far_more_or_far_less_is_unhealthy(rate):
    found, reasons = verdict(8000, GOOD.but(acts_on=rate), champion=GOOD.but(acts_on=0.25))
    assert found == "unhealthy"
    assert {("action_rate", market) for market in MARKETS} <= reasons


def test_a_change_that_evaluation_promised_is_no_harm():
    factors = dict.fromkeys((*POLICIES, *MARKETS), (2.0, 2.4))
    promises = ExpectedEffects(factors={"action_rate": factors})
    louder, quiet = GOOD.but(acts_on=0.5), GOOD.but(acts_on=0.25)
    assert verdict(8000, louder, champion=quiet, promises=promises)[0] == "healthy"
    assert verdict(8000, GOOD, champion=quiet, promises=promises)[0] == "unhealthy"


def test_pairs_that_flip_too_often_are_unhealthy():
    found, reasons = verdict(
        2000, GOOD.but(acts_on=0.5), share=0.0, shadow=1.0, champion=GOOD.but(acts_on=0.4)
    )
    assert found == "unhealthy"
    assert ("flip_rate", "pairs") in reasons


def test_a_challenger_without_traffic_is_judged_by_its_copies():
    assert verdict(2000, GOOD, share=0.0, shadow=1.0)[0] == "healthy"
    assert verdict(2000, GOOD.but(errors=0.3), share=0.0, shadow=1.0)[0] == "unhealthy"


def test_at_full_share_the_champion_is_judged_by_its_copies():
    assert verdict(2000, GOOD, share=1.0, shadow=1.0)[0] == "healthy"


def test_a_dry_run_is_measured_without_a_say():
    assert verdict(2000, GOOD.but(errors=0.3), dry_run=("error_rate",))[0] == "healthy"


def shown(failures, earlier=None, posts=400):
    """Evidence of a stage in which so many posts of the challenger failed, and as many as before of the champion's."""
    if earlier is None:
        evidence = Evidence(POLICIES, (*MARKETS, OTHER_MARKETS))
        evidence.history.requests.add(250, 10_000)
    else:
        evidence = earlier.followed()
    evidence.challenger.requests.add(failures, posts)
    evidence.champion.requests.add(10, posts)
    return evidence


def errors(evidence):
    """The judgement and its reading of the errors."""
    found = judge(STEADY.guardrails(), evidence, len(STEADY.stages))
    return found, next(reading for reading in found.readings if reading.guardrail == "error_rate")


def test_what_earlier_stages_saw_of_a_harm_counts_and_is_told():
    alone, evidence = shown(32), None
    assert errors(alone)[0].verdict == "inconclusive"
    for _ in range(4):
        evidence = shown(32, evidence)
    found, reading = errors(evidence)
    assert found.verdict == "unhealthy"
    assert "the stages before had shown" in reading.told


def test_a_harm_that_begins_late_is_found_after_healthy_stages():
    evidence = None
    for _ in range(4):
        evidence = shown(9, evidence)
        assert errors(evidence)[0].verdict != "unhealthy"
    assert errors(shown(80, evidence))[0].verdict == "unhealthy"


def test_a_stage_has_to_show_its_own_health():
    evidence = shown(10)
    for arm in (evidence.challenger, evidence.champion):
        arm.requests.add(2_490, 99_600)
    assert errors(evidence)[1].verdict == "healthy"
    assert errors(evidence.followed())[1].verdict == "inconclusive"


def test_shares_of_the_error_rate_follow_importance_and_are_all_of_it():
    asked = STEADY.guardrails(dry_run=["score_shift"])
    spent = {it.name: its for it, its in zip(asked, spending(asked, 6), strict=True)}
    assert sum(spent[it.name].harm for it in asked if it.binding) == pytest.approx(ERROR_RATE)
    assert spent["error_rate"].harm == pytest.approx(6 * spent["latency_p50"].harm)
    assert {its.health for its in spent.values()} == {ERROR_RATE / 6}


def test_a_plan_may_weigh_a_guardrail_otherwise():
    plan = STEADY.model_copy(update={"rules": {"flip_rate": Rule(importance=9)}})
    assert next(it for it in plan.guardrails() if it.name == "flip_rate").importance == 9


def test_harm_that_shows_in_many_subjects_is_found_together_before_it_is_in_one():
    evidence = Evidence(POLICIES, MARKETS)
    arms = (
        (evidence.history, 0.1, 50_000),
        (evidence.champion, 0.1, 5_000),
        (evidence.challenger, 0.134, 5_000),
    )
    for arm, rate, posts in arms:
        for tallies, names in ((arm.policies, POLICIES), (arm.markets, MARKETS)):
            for name in names:
                tallies[name].add(rate * posts, posts)
    asked = STEADY.guardrails()
    alone = [r for it, its in zip(asked, spending(asked, 6), strict=True) for r in it.read(evidence, its)]
    assert "unhealthy" not in {reading.verdict for reading in alone}
    found = judge(asked, evidence, 6)
    assert found.verdict == "unhealthy"
    assert {reading.guardrail for reading in found.reasons} == {"action_rate"}


@pytest.mark.parametrize("guardrail", list(GUARDRAILS), ids=lambda guardrail: guardrail.name)
def test_every_guardrail_keeps_the_contract(guardrail):
    assert of_guardrail(guardrail) == []


@pytest.mark.parametrize("plan", list(PLANS), ids=lambda plan: plan.name)
def test_every_plan_keeps_the_contract(plan):
    assert of_plan(plan) == []
