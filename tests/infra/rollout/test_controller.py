import threading
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from made_up_traffic import MARKETS, POLICIES, Behaviour, another_version, traffic, two_versions

from infra.registry import Registry
from infra.rollout import (
    Controller,
    Rollout,
    Store,
    act,
    observation,
    plan_named,
    rest_unattended,
    roll_back,
    table,
)
from infra.rollout.commands import NoWayBackError
from infra.rollout.controller import AlreadyDrivenError
from infra.rollout.store import NoRolloutError, RolloutIsOverError
from models.domain.schemas import JUDGEMENTS

GOOD = Behaviour()


class Clock:
    def __init__(self):
        self.time = datetime(2026, 11, 2, tzinfo=UTC)

    def __call__(self):
        return self.time

    def passes(self, seconds):
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(settings):
    return two_versions(settings)


@pytest.fixture
def begun(store, clock):
    begun = Rollout.begin(plan_named("brief"), 1, 2, clock()).model_copy(update={"id": "r1"})
    return store.begin(begun, "a new challenger")


def controller(store, clock):
    return Controller(store, 2, POLICIES, MARKETS, now=clock)


def serve(store, posts, challenger=GOOD, seed=0):
    """Traffic under the rollout as the registry has it."""
    rollout = store.load(2)
    rng = np.random.default_rng(seed)
    store.lake.decisions.append(
        traffic(rollout, posts, rng, champion=GOOD, challenger=challenger).to_batches()
    )


def test_a_good_challenger_climbs_stage_by_stage_to_champion(store, clock, begun):
    driver, stages = controller(store, clock), []
    for _ in range(12):
        stages.append(driver.look().rollout.share)
        if store.load(2).is_over:
            break
        serve(store, 1500)
        clock.passes(10)
    assert stages == [*sorted(stages[:-1]), 0.0]
    assert set(stages) == {0.0, 0.25, 0.5, 1.0}
    assert store.registry.champion().version == 2
    assert store.registry.challenger() is None
    assert [entry["act"] for entry in store.acts(begun.id)] == ["begin", "climb", "climb", "climb", "promote"]


def test_a_challenger_that_nobody_drives_rests_until_somebody_does(store, clock, begun):
    now, driver = datetime.now(UTC), controller(store, clock)
    driver.look()
    serve(store, 1500)
    clock.passes(10)
    assert driver.look().rollout.share == 0.25
    assert rest_unattended(store, now) is None
    later = now + timedelta(minutes=5)
    assert rest_unattended(store, later).share == 0
    assert rest_unattended(store, later) is None
    kept = store.load(2)
    assert (kept.status, kept.share, kept.shadow, kept.current.share) == ("running", 0, 0, 0.25)
    assert kept.reason.startswith("nobody has driven it since")
    assert store.registry.champion().version == 1
    on = driver.look().rollout
    assert (on.share, on.shadow, on.reason) == (0.25, kept.current.shadow, "")
    assert [entry["act"] for entry in store.acts(begun.id)] == ["begin", "climb", "rest", "go on"]


def test_a_paused_rollout_that_rests_has_its_traffic_again_when_a_person_resumes_it(store, clock, begun):
    act(store, "pause", "a look at the figures")
    assert rest_unattended(store, clock() + timedelta(minutes=5)).rests
    assert controller(store, clock).look().rollout.rests
    assert act(store, "resume", "seen").shadow == begun.shadow


def test_a_bad_challenger_loses_all_traffic_and_says_why(store, clock, begun):
    serve(store, 1000, GOOD.but(errors=0.4))
    ended = controller(store, clock).look().rollout
    assert ended.status == "rolled back"
    assert (ended.share, ended.shadow) == (0, 0)
    assert "error_rate of all posts is unhealthy" in ended.reason
    assert store.registry.champion().version == 1
    assert store.registry.challenger() is None


def test_without_traffic_it_waits_and_says_for_how_many_posts_and_goes_on_when_they_come(store, clock, begun):
    driver = controller(store, clock)
    assert driver.look().rollout.reason == ""
    serve(store, 12)
    driver.look()
    for _ in range(3):
        clock.passes(10_000)
        rollout = driver.look().rollout
        assert (rollout.status, rollout.reason) == ("running", "waiting for traffic: 12 of 250 posts")
    assert store.registry.champion().version == 1
    serve(store, 1500)
    rollout = driver.look().rollout
    assert (rollout.stage, rollout.reason) == (0, "")  # three seconds of traffic, not hours
    clock.passes(10)
    assert driver.look().rollout.stage == 1
    assert [entry["act"] for entry in store.acts(begun.id)] == ["begin", "wait", "go on", "climb"]


def test_time_without_traffic_is_none_that_a_stage_has_had(store, clock, begun):
    """A night in the middle of a stage leaves it the rest of its time."""
    driver = controller(store, clock)
    serve(store, 100)
    driver.look()
    clock.passes(40_000)
    driver.look()
    serve(store, 100)
    driver.look()
    clock.passes(100)
    serve(store, 100, GOOD.but(acts_on=0.2))
    assert driver.look().rollout.status == "running"


def test_a_controller_that_follows_another_waits_on_for_the_same_posts(store, clock, begun):
    first = controller(store, clock)
    first.look()
    clock.passes(60)
    first.look()
    first.lease.release()
    second = controller(store, clock)
    assert second.look().rollout.reason == "waiting for traffic: 0 of 250 posts"
    serve(store, 1500)
    assert second.look().rollout.reason == ""


def inconclusive(store, clock, driver):
    """Enough posts over the whole time of the stage, and no word on whether the challenger is well."""
    for seed in range(19):
        serve(store, 14, GOOD.but(errors=0.045), seed)
        driver.look()
        clock.passes(10)
    return driver.look().rollout


def test_with_traffic_and_without_a_verdict_it_asks_and_never_promotes(store, clock, begun):
    driver = controller(store, clock)
    rollout = inconclusive(store, clock, driver)
    assert rollout.status == "asking"
    assert "shadow is inconclusive" in rollout.reason
    assert "nan" not in rollout.reason
    serve(store, 3000)
    clock.passes(10_000)
    assert driver.look().rollout.status == "asking"
    assert store.registry.champion().version == 1


def test_no_reading_says_nan_where_a_model_has_no_posts(store, clock, begun):
    step = controller(store, clock).look()
    told = " ".join(reading.told for reading in step.judgement.readings) + table(step)
    assert "nan" not in told
    assert "without posts yet" in told


def test_a_rollout_whose_challenger_was_deleted_is_over_and_says_so(store, clock, begun):
    driver = controller(store, clock)
    driver.look()
    store.registry.client.delete_model_version(store.registry.name, "2")
    for _ in range(2):
        ended = driver.look().rollout
        assert (ended.status, ended.share, ended.shadow) == ("rolled back", 0, 0)
        assert ended.reason == "version 2 was deleted in MLflow"
    assert store.registry.champion().version == 1
    acts = store.lake.acts.open().to_table(filter=f"rollout = '{begun.id}'").sort_by("at")
    assert acts["act"].to_pylist() == ["begin", "abort"]


def test_a_rollout_whose_challenger_lost_its_alias_is_over(store, clock, begun):
    driver = controller(store, clock)
    driver.look()
    store.registry.client.delete_registered_model_alias(store.registry.name, "challenger")
    ended = driver.look().rollout
    assert (ended.status, ended.reason) == (
        "rolled back",
        "version 2 lost the alias challenger, nobody has it",
    )


def test_a_rollout_whose_champion_was_deleted_ends_and_says_what_a_person_may_do(store, clock, begun):
    driver = controller(store, clock)
    driver.look()
    store.registry.client.delete_model_version(store.registry.name, "1")
    ended = driver.look().rollout
    assert ended.status == "rolled back"
    assert "version 1 decided last, but it was deleted in MLflow" in ended.reason
    assert "moderato rollback" in ended.reason


def test_while_a_person_is_asked_a_bad_one_is_still_stopped(store, clock, begun):
    driver = controller(store, clock)
    inconclusive(store, clock, driver)
    serve(store, 1000, GOOD.but(errors=0.4))
    assert driver.look().rollout.status == "rolled back"


def test_time_alone_and_posts_alone_do_not_climb(store, clock, begun):
    driver = controller(store, clock)
    serve(store, 1500)
    assert driver.look().rollout.stage == 0
    clock.passes(10)
    assert driver.look().rollout.stage == 1
    clock.passes(10)
    assert driver.look().rollout.stage == 1


def test_a_controller_that_was_killed_is_followed_where_it_was(store, clock, begun):
    serve(store, 1500)
    clock.passes(10)
    first = controller(store, clock)
    first.look()
    serve(store, 4000)
    clock.passes(10)
    first.lease.release()  # as time would
    second = controller(store, clock)
    assert second.look().rollout.stage == 2
    assert second.look().posts == 0


def test_one_that_takes_over_knows_what_the_stages_before_have_shown(store, clock, begun):
    """As after a kill, or where an earlier release began the rollout: no more than the decisions is kept anywhere."""
    serve(store, 300, seed=9)
    first = controller(store, clock)
    while first.look().rollout.stage < 2:
        serve(store, 1500, GOOD.but(errors=0.004))
        clock.passes(10)
    serve(store, 500)
    seen = first.look()
    assert (seen.rollout.stage, len(first._observation.evidence.earlier)) == (2, 2)
    first.lease.release()
    second = controller(store, clock)
    again = second.look()
    one, other = (
        [(it.told, it.harm, it.earlier) for it in step.judgement.readings] for step in (seen, again)
    )
    assert one == other
    assert max(reading.earlier for reading in again.judgement.readings) > -1
    counts = [it.challenger.requests.count for it in second._observation.evidence.earlier]
    assert counts == [it.challenger.requests.count for it in first._observation.evidence.earlier]
    assert min(counts) > 250


def test_what_is_shipped_after_the_last_look_of_a_stage_counts_as_after_a_kill(store, clock, begun):
    first, was = controller(store, clock), store.load(2)
    serve(store, 1500)
    clock.passes(10)
    assert first.look().rollout.stage > was.stage
    late = traffic(was, 40, np.random.default_rng(7), champion=GOOD, challenger=GOOD)
    store.lake.decisions.append(late.to_batches())
    serve(store, 500)
    first.look()
    first.lease.release()
    second = controller(store, clock)
    second.look()
    seen, again = (it._observation.evidence.earlier[0].champion.requests for it in (first, second))
    assert seen == again


def test_what_is_expected_does_not_change_with_what_a_rollout_shows(store, clock, begun, monkeypatch):
    """The champion's record ends where the rollout begins, however much has been decided since."""
    monkeypatch.setattr(observation, "RECENT", 400)
    before = traffic(begun, 300, np.random.default_rng(0), champion=GOOD, challenger=GOOD)
    place, nobody = before.schema.get_field_index("rollout"), pa.nulls(len(before), pa.string())
    store.lake.decisions.append(before.set_column(place, before.schema.field(place), nobody).to_batches())
    first = controller(store, clock)
    first.look()
    serve(store, 600)
    first.lease.release()
    second = controller(store, clock)
    second.look()
    counts = [it._observation.evidence.history.requests.count for it in (first, second)]
    assert counts[0] == counts[1] > 0


def test_two_controllers_cannot_drive_one_rollout(store, clock, begun):
    controller(store, clock).look()
    with pytest.raises(AlreadyDrivenError, match="driven by"):
        controller(store, clock).look()


def test_one_that_was_killed_between_the_alias_and_the_tag_is_finished(store, clock, begun):
    store.registry.promote(2)
    rollout = controller(store, clock).look().rollout
    assert (rollout.status, rollout.reason) == (
        "promoted",
        "it decides already: its promotion was cut short, and is finished",
    )


def test_a_rollout_whose_champion_is_gone_ends(store, clock, begun):
    store.registry.promote(another_version(store))
    ended = controller(store, clock).look().rollout
    assert ended.status == "rolled back"
    assert "version 1 is no longer the champion, version 3 is" in ended.reason


def test_where_moderators_judged_disagreements_the_one_that_was_wrong_goes(store, clock, begun):
    serve(store, 2000, GOOD.but(acts_on=0.2))
    pairs = store.lake.decisions.open().to_table(
        filter="role = 'shadow' AND action = 'remove' AND live_action = 'allow'",
        columns=["post_id", "reasons"],
    )
    rows = [
        {
            "post_id": row["post_id"],
            "policy": row["reasons"][0]["policy"],
            "source": "moderator",
            "moderator_id": "m1",
            "violates": False,
            "ingested_at": clock(),
        }
        for row in pairs.to_pylist()
    ]
    assert len(rows) > 200
    store.lake.judgements.upsert(pa.Table.from_pylist(rows, JUDGEMENTS).to_batches())
    step = controller(store, clock).look()
    assert step.rollout.status == "rolled back"
    assert "judged_right of judged disagreements is unhealthy" in " ".join(
        r.told for r in step.judgement.reasons
    )


def test_what_the_champion_did_before_is_expected_of_both(store, clock):
    rollout = Rollout.begin(plan_named("brief"), 1, 2, clock())
    before = traffic(rollout, 500, np.random.default_rng(0), champion=GOOD, challenger=GOOD)
    nobody = pa.nulls(len(before), pa.string())
    before = before.set_column(
        before.schema.get_field_index("rollout"), before.schema.field("rollout"), nobody
    )
    store.lake.decisions.append(before.to_batches())
    store.begin(rollout, "a new challenger")
    seen = controller(store, clock)
    seen.look()
    assert seen._observation.evidence.history.requests.count == 500
    assert seen._observation.evidence.champion.requests.count == 0


def test_a_paused_rollout_holds_and_a_resumed_one_goes_on(store, clock, begun):
    driver = controller(store, clock)
    act(store, "pause", "a holiday")
    serve(store, 1500)
    clock.passes(10)
    assert driver.look().rollout.stage == 0
    act(store, "resume", "back at work")
    store.change(2, "climb", lambda rollout: rollout.model_copy(update={"stage_began": begun.began}))
    assert driver.look().rollout.stage == 1


def test_an_abort_is_at_once_and_final(store, clock, begun):
    ended = act(store, "abort", "a complaint")
    assert (ended.status, ended.share, ended.reason) == ("rolled back", 0, "a complaint")
    assert store.acts(begun.id)[-1]["why"] == "a complaint"
    with pytest.raises(NoRolloutError):
        act(store, "promote", "after all")


def test_a_person_may_promote(store, clock, begun):
    assert act(store, "promote", "looks fine").status == "promoted"
    assert store.registry.champion().version == 2


def test_a_look_in_the_middle_of_a_promotion_leaves_the_persons_reason(store, clock, begun, monkeypatch):
    """The alias was set, and the rollout's tag not yet: the controller took that for a promotion that was killed."""
    note = Registry.roll_out
    looking = threading.Thread(target=controller(Store(store.settings), clock).look)

    def noted(*rollout):
        monkeypatch.undo()
        looking.start()
        time.sleep(0.5)  # it has seen who decides, and waits for the lease of writing
        note(*rollout)

    monkeypatch.setattr(Registry, "roll_out", noted)
    act(store, "promote", "seen enough")
    looking.join()
    assert store.load(2).reason == "seen enough"


def test_what_runs_cannot_be_resumed(store, begun):
    with pytest.raises(RolloutIsOverError, match="nothing to resume"):
        act(store, "resume", "")


def test_a_roll_back_goes_to_the_champion_before_and_ends_the_rollout(store, clock, begun):
    act(store, "promote", "looks fine")
    another_version(store)
    store.registry.client.set_registered_model_alias(store.registry.name, "challenger", "3")
    store.begin(Rollout.begin(plan_named("brief"), 2, 3, clock()), "the next one")
    gone, back = roll_back(store, None, "complaints")
    assert (gone, back.version) == (2, 1)
    assert store.load(3).status == "rolled back"
    with pytest.raises(NoWayBackError, match="version 1 is the first champion"):
        roll_back(store, None, "further")
    assert roll_back(store, 2, "it was right after all")[1].version == 2


def test_a_rollout_begins_once(store, clock, begun):
    assert store.begin(Rollout.begin(plan_named("brief"), 1, 2, clock()), "again") == begun


def test_a_healthy_challenger_that_a_person_decides_about_is_held_without_traffic(store, clock):
    asked = Rollout.begin(plan_named("brief"), 1, 2, clock(), hold=True).model_copy(update={"id": "r1"})
    store.begin(asked, "a new challenger")
    driver = controller(store, clock)
    for _ in range(12):
        rollout = driver.look().rollout
        if rollout.status == "held":
            break
        serve(store, 1500)
        clock.passes(10)
    assert rollout.status == "held"
    assert (rollout.share, rollout.shadow) == (0, 0)
    assert "a person decides about its promotion" in rollout.reason
    assert store.registry.champion().version == 1
    with pytest.raises(RolloutIsOverError, match="waits for a decision: promote or abort"):
        act(store, "resume", "on")
    assert act(store, "promote", "the figures are fine", "operator").status == "promoted"
    assert store.registry.champion().version == 2
    assert store.acts("r1")[-1]["who"] == "operator"
