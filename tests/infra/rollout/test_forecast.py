"""How long a plan takes is known before it begins, and is the judge's own arithmetic."""

from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import pyarrow as pa
import pytest
from made_up_traffic import MARKETS, POLICIES, Behaviour, traffic, two_versions

from flows.demo import simulated
from flows.form import RollOut, foreseen
from infra.rollout import Rollout, doubts, forecast, plan_named, traffic_of_late
from infra.rollout.evidence import Arm, Evidence, Tally
from infra.rollout.forecast import Traffic
from infra.rollout.judge import judge
from infra.rollout.latency import bucketed

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def steady_traffic(rate, milliseconds):
    """Posts a second without errors, whose latencies lie around a median."""
    drawn = np.random.default_rng(0).lognormal(np.log(milliseconds), 0.3, 10_000)
    return Traffic(rate, Arm(requests=Tally(0.0, len(drawn)), latencies=bucketed(drawn)))


def decided(store, posts, rate, errors=0.0, until=NOW):
    """So many decisions of the champion, so many a second."""
    rollout = Rollout.begin(plan_named("brief"), 1, 2, NOW).resting("")
    rng, behaviour = np.random.default_rng(0), Behaviour(errors=errors)
    rows = traffic(rollout, posts, rng, champion=behaviour, challenger=behaviour)
    times = pa.array(
        [until - timedelta(seconds=number / rate) for number in range(posts)], pa.timestamp("us", "UTC")
    )
    place = rows.schema.get_field_index("decided_at")
    rows = rows.set_column(place, rows.schema.field(place), times.cast(rows.schema.field(place).type))
    store.lake.decisions.append(rows.to_batches())


def test_the_demos_plan_is_decided_in_time_by_its_own_traffic():
    stages = forecast(plan_named(simulated.PLAN), steady_traffic(simulated.RATE, milliseconds=50))
    assert all(it.in_time for it in stages)
    assert all(it.seconds * 2 < it.stage.maximum_seconds for it in stages), "chance may double it"
    assert sum(it.seconds for it in stages) < 300


def test_too_little_traffic_is_told_stage_by_stage_with_what_comes_of_it():
    (told, *more) = doubts(plan_named("brief"), steady_traffic(1.0, milliseconds=20))
    assert told == (
        "plan brief at 1 posts a second: stage shadow takes about 4 min, for 250 posts, and has 3 min: "
        "it will ask a person"
    )
    assert "stage 25 % takes about 17 min" in more[0]
    assert doubts(plan_named("brief"), steady_traffic(100.0, milliseconds=20)) == []


def test_more_strictness_takes_more_posts():
    brief, steady = (forecast(plan_named(name), steady_traffic(100.0, 20)) for name in ("brief", "steady"))
    assert max(it.posts for it in brief) < min(it.posts for it in steady)


@pytest.mark.parametrize("seed", range(3))
def test_a_challenger_like_the_champion_is_healthy_after_about_so_many_posts(seed):
    plan, like = plan_named("steady"), Behaviour(acts_on=0.0)
    rollout, rng = (
        Rollout.begin(plan, 1, 2, NOW).climbed(NOW).climbed(NOW).climbed(NOW),
        np.random.default_rng(seed),
    )
    (foreseen,) = (it for it in forecast(plan, steady_traffic(1.0, 8.0)) if it.stage == rollout.current)
    evidence, rows = Evidence(POLICIES, MARKETS), partial(traffic, rng=rng, champion=like, challenger=like)
    shown = 0
    while judge(plan.guardrails(), evidence, len(plan.stages)).verdict != "healthy":
        evidence.take(rows(rollout, 4000), "1", "2", rollout.share)
        shown = evidence.challenger.requests.count
        assert shown < 4 * foreseen.posts
    assert shown > foreseen.posts / 4


def test_the_traffic_of_late_is_measured_on_decisions(settings):
    store = two_versions(settings)
    assert traffic_of_late(store.lake, NOW) is None
    decided(store, 600, rate=4.0, errors=0.1)
    found = traffic_of_late(store.lake, NOW)
    assert found.rate == pytest.approx(4.0, rel=0.05)
    assert found.arm.requests.total / found.arm.requests.count == pytest.approx(0.1, abs=0.05)
    assert traffic_of_late(store.lake, NOW + timedelta(hours=2)) is None, "it is over"


def test_a_few_seconds_say_nothing_of_a_rate(settings):
    store = two_versions(settings)
    decided(store, 100, rate=100.0)
    assert traffic_of_late(store.lake, NOW) is None


def test_who_chooses_a_plan_is_told_what_the_traffic_of_late_does_with_it(settings):
    store = two_versions(settings)
    decided(store, 300, rate=1.0, until=datetime.now(UTC))
    assert foreseen(settings, RollOut(plan="brief"))
    assert foreseen(settings, RollOut(plan="brief", canary=False)) == []
