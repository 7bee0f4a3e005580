import json
from datetime import UTC, datetime

import numpy as np
import pytest
from made_up_traffic import MARKETS, POLICIES, Behaviour, traffic, two_versions

from infra.rollout import Rollout, plan_named


@pytest.fixture
def store(settings):
    return two_versions(settings)


@pytest.fixture
def begun(store):
    return store.begin(Rollout.begin(plan_named("brief"), 1, 2, datetime.now(UTC)), "a new challenger")


@pytest.fixture
def moderato(command):
    """Runs a command that has to end so: what it printed, or what it complained of."""

    def run(*arguments, code=0):
        ended, out, err = command(*arguments)
        assert ended == code, err
        assert "Traceback" not in err
        return out if code == 0 else err.strip()

    return run


def test_without_a_rollout_status_says_how_to_get_one(moderato):
    assert "no rollout yet: moderato retrain begins one" in moderato("canary")


@pytest.mark.parametrize("act", ["pause", "resume", "abort", "promote"])
def test_an_act_without_a_rollout_is_one_line(store, act, moderato):
    assert moderato("canary", act, code=2) == "moderato: no rollout is running; moderato retrain begins one"


def test_an_unknown_act_lists_the_choices(store, moderato):
    assert "pause" in moderato("canary", "stop", code=2)


def test_status_shows_the_stage_and_every_act(store, begun, moderato):
    moderato("canary", "pause", "--reason", "a holiday")
    shown = json.loads(moderato("canary", "status", "--json"))
    assert shown["rollout"]["status"] == "paused"
    assert shown["stage"] == "shadow"
    assert [(entry["act"], entry["why"]) for entry in shown["acts"]] == [
        ("begin", "a new challenger"),
        ("pause", "a holiday"),
    ]
    assert all(entry["who"] for entry in shown["acts"])
    assert "a holiday" in moderato("canary")


def test_the_platform_s_status_shows_a_rollout_on_one_line_until_it_is_over(store, begun, moderato):
    moderato("canary", "pause", "--reason", "a holiday")
    assert "\nrollout: paused, stage shadow, 0% of the traffic, 0 of 250 posts: a holiday\n" in moderato(
        "status"
    )
    assert json.loads(moderato("status", "--json"))["rollout"] == {
        "stage": "shadow",
        "share": 0.0,
        "status": "paused",
        "reason": "a holiday",
        "posts": 0,
        "minimum_posts": 250,
        "waits_for": "a person, who paused it",
        "next": 'moderato canary resume --reason "…"',
    }
    moderato("canary", "abort", "--reason", "complaints")
    assert json.loads(moderato("status", "--json"))["rollout"] is None


def test_the_guardrails_of_the_stage_are_shown_with_the_next_command(store, settings, moderato):
    plan, rng = plan_named("brief"), np.random.default_rng(0)
    rollout = Rollout.begin(plan, 1, 2, datetime.now(UTC), policies=POLICIES, markets=MARKETS)
    rollout = store.begin(rollout, "a new challenger")
    slow = Behaviour().but(latency=80.0)
    rows = traffic(rollout, 900, rng, champion=Behaviour(), challenger=slow)
    store.lake.decisions.append(rows.to_batches())
    store.change(2, "ask", lambda it: it.waiting("asking", "shadow is inconclusive"))
    shown = json.loads(moderato("canary", "--json"))
    by_name = {(it["guardrail"], it["subject"]): it["verdict"] for it in shown["guardrails"]}
    assert by_name["latency_p50", "all posts"] == "unhealthy"
    assert by_name["error_rate", "all posts"] == "healthy"
    assert {("action_rate", market) for market in MARKETS} < by_name.keys()
    assert (shown["posts"], shown["verdict"]) == (900, "unhealthy")
    said = moderato("canary")
    assert "Stage shadow: unhealthy" in said
    assert "latency_p50" in said
    assert said.splitlines()[-1] == 'next: moderato canary resume, promote or abort --reason "…"'
    status = moderato("status")
    assert (
        "the rollout waits for a person, who says whether it waits longer, decides from now on, or ends"
        in status
    )


def test_a_rollout_of_an_earlier_release_is_shown_without_what_it_does_not_say(store, begun, moderato):
    old = begun.model_dump(mode="json", exclude={"policies", "markets"})
    store.registry.roll_out(2, json.dumps(old), "told")
    assert "waits for 250 more posts" in moderato("canary")


def test_an_abort_takes_the_challenger_away(store, begun, moderato):
    assert "rolled back" in moderato("canary", "abort", "--reason", "complaints")
    assert store.registry.challenger() is None


def test_a_rollback_names_both_champions(store, begun, moderato):
    moderato("canary", "promote", "--reason", "looks fine")
    assert moderato("rollback", "--reason", "it was not") == "version 1 decides again, version 2 no more\n"
    assert store.registry.champion().version == 1


def test_a_rollback_without_a_way_back_is_one_line(store, moderato):
    assert moderato("rollback", code=2).startswith("moderato: version 1 is the first champion")
    assert moderato("rollback", "--to", "9", code=2).startswith(
        "moderato: no version '9' of moderato; choose one of: 1"
    )
