"""The deployments on a real Prefect server: what was missed, what nobody answered, and what a week brings."""

from datetime import UTC, datetime, timedelta

import pytest
from prefect import get_client
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.schedules import CronSchedule
from prefect.states import Scheduled

from flows import form
from flows.deployments import answer_expired, deployments, drop_missed
from infra.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]


@pytest.fixture
def client(prefect_server):
    with get_client(sync_client=True) as opened:
        yield opened


@pytest.fixture
def retraining(client, settings):
    """The deployment `retrain`, known to the server."""
    made = next(it for it in deployments(settings) if it.flow.name == "retrain").made(client)
    return made.apply()


def test_every_deployment_says_what_it_does_and_runs_one_at_a_time(settings):
    found = {it.flow.name: it for it in deployments(settings)}
    assert set(found) == {"retrain", "watch", "ingest", "compact"}
    for it in found.values():
        assert it.description.endswith(".")
        assert it.tags
    assert found["retrain"].second == "wait"


def test_the_form_begins_with_the_settings_own_choices(monkeypatch):
    monkeypatch.setenv("MODERATO_PRESET", "trial")
    monkeypatch.setenv("MODERATO_SEED", "7")
    shown = form.defaults(Settings())
    assert shown["training"] == {"preset": "trial", "seed": 7}
    assert list(shown) == ["data", "training", "rollout", "approval"]


def test_a_deployment_that_is_known_keeps_the_schedule_that_people_gave_it(client, settings, retraining):
    known = client.read_deployment(retraining)
    client.delete_deployment_schedule(retraining, known.schedules[0].id)
    client.create_deployment_schedules(retraining, [(CronSchedule(cron="5 5 * * *", timezone="UTC"), False)])
    again = next(it for it in deployments(settings) if it.flow.name == "retrain").made(client).apply()
    assert again == retraining
    (kept,) = client.read_deployment(retraining).schedules
    assert (kept.schedule.cron, kept.active) == ("5 5 * * *", False)


def test_missed_runs_do_not_stampede_and_a_persons_run_stays(client, retraining):
    late = datetime.now(UTC) - timedelta(hours=3)
    by_hand = client.create_flow_run_from_deployment(retraining, state=Scheduled(scheduled_time=late))
    drop_missed(client)
    assert client.read_flow_run(by_hand.id).state.type is StateType.SCHEDULED


def test_an_answer_that_does_not_come_is_the_one_that_was_chosen(client, retraining):
    asked = {"approval": {"when": "before canary", "hours": 1, "otherwise": "reject"}}
    run = client.create_flow_run_from_deployment(retraining, parameters=asked)
    from prefect.states import Running, Suspended

    client.set_flow_run_state(run.id, Running(), force=True)
    client.set_flow_run_state(run.id, Suspended(timeout_seconds=None, pause_key="k"), force=True)
    assert run.id not in {it.id for it in answer_expired(client, datetime.now(UTC))}
    assert run.id in {it.id for it in answer_expired(client, datetime.now(UTC) + timedelta(hours=1, minutes=1))}


def test_a_week_of_schedules_has_no_missed_doubled_or_overlapping_retraining(settings):
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    import asyncio

    planned = {}
    for it in deployments(settings):
        schedule = CronSchedule(cron=it.cron, timezone="UTC")
        from prefect.server.schemas.schedules import CronSchedule as Server

        dates = asyncio.run(
            Server(**schedule.model_dump()).get_dates(n=2000, start=monday, end=monday + timedelta(days=28))
        )
        planned[it.flow.name] = dates
    assert len(planned["retrain"]) == 4
    assert {(date.weekday(), date.hour) for date in planned["retrain"]} == {(0, 4)}
    for name, gap in (("watch", timedelta(hours=1)), ("ingest", timedelta(minutes=10)), ("compact", timedelta(days=1))):
        dates = planned[name]
        assert {after - before for before, after in zip(dates, dates[1:], strict=False)} == {gap}
