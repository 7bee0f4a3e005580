"""What became of candidates, as MLflow's pages tell it."""

import pytest
from made_up_traffic import another_version, two_versions

from infra.registry import STATUS, Status, last_runs, mark_run
from infra.registry.runs import LifecycleRun
from infra.rollout import Rollout, act, plan_named, roll_back


@pytest.fixture
def store(settings):
    return two_versions(settings)


def told(registry):
    return {version.version: registry.tag(version.version, STATUS) or None for version in registry.versions()}


def description(registry, number):
    return registry.client.get_model_version(registry.name, str(number)).description


def test_a_promotion_supersedes_and_a_roll_back_says_so(store):
    registry = store.registry
    registry.promote(2)
    assert told(registry) == {1: "superseded", 2: "promoted"}
    roll_back(store, None, "too strict")
    assert told(registry) == {1: "promoted", 2: "rolled back"}


def test_a_canary_that_ends_badly_says_so(store):
    from datetime import UTC, datetime

    store.begin(Rollout.begin(plan_named("brief"), 1, 2, datetime.now(UTC)), "a new challenger")
    act(store, "abort", "the figures are bad")
    assert told(store.registry)[2] == "rolled back"


def test_a_descriptions_first_words_say_what_became_of_it_whatever_is_written_below(store):
    registry = store.registry
    registry.note(2, "what it is")
    registry.promote(2)
    registry.note(2, "what it is, again")
    assert description(registry, 2).startswith("**promoted** 20")
    assert description(registry, 2).endswith("UTC\n\nwhat it is, again")
    another_version(store)
    registry.promote(3)
    assert description(registry, 2).startswith("**superseded** 20")


def test_a_runs_name_begins_with_verdict_and_date_and_a_persons_own_stays(store):
    registry = store.registry
    run = LifecycleRun.resume_or_start(registry, "a key", "11-27 09:30 compact,epochs=5")
    for status in (Status.ACCEPTED, Status.ROLLED_BACK):
        mark_run(registry, run.run_id, status)
    assert registry.client.get_run(run.run_id).info.run_name == "rolled back 11-27 09:30 compact,epochs=5"
    registry.client.update_run(run.run_id, name="the good one")
    mark_run(registry, run.run_id, Status.PROMOTED)
    assert registry.client.get_run(run.run_id).info.run_name == "the good one"
    assert [it.became for it in last_runs(registry, 5) if it.name == "the good one"] == ["promoted"]


def test_a_run_that_is_gone_keeps_nobody_from_deciding(store):
    mark_run(store.registry, "0" * 32, Status.PROMOTED)


def test_what_is_logged_again_and_again_is_drawn_over_its_steps(store):
    registry = store.registry
    run = LifecycleRun.resume_or_start(registry, "a key", "a run")
    for step in (run.age, run.age + 5):
        run.metrics({"share": 0.5}, step=step)
    assert len({it.step for it in registry.client.get_metric_history(run.run_id, "share")}) == 2
