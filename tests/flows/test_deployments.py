"""The deployments on a real Prefect server: what was missed, what nobody answered, and what a week brings."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from prefect import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.client.schemas.schedules import CronSchedule
from prefect.input.actions import read_flow_run_input
from prefect.input.run_input import keyset_from_base_key, keyset_from_paused_state
from prefect.server.schemas.schedules import CronSchedule as PlannedByTheServer
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelled, Pending, Running, Scheduled, Suspended
from running_platform import wait_for

from flows import form
from flows.cli.waiting import waiting
from flows.demo import simulated
from flows.deployments import answer_expired, deployments, drop_missed, go_on
from flows.scheduling import OURS
from infra.rollout import Rollout, plan_named
from infra.settings import Settings
from tasks.release.approval import Answer
from tasks.release.question import Word, key

GENTLE = """from infra.rollout.stages import PLANS

PLAN = PLANS["steady"].model_copy(update={"name": "gentle"})
"""

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
    assert set(found) == {"retrain", "search", "pretrain", "watch", "ingest", "compact", "what_if"}
    for it in found.values():
        assert it.description.endswith(".")
        assert it.tags
    assert found["retrain"].second == "wait"


def test_the_form_begins_with_the_settings_own_choices(monkeypatch):
    monkeypatch.setenv("MODERATO_PRESET", "trial")
    monkeypatch.setenv("MODERATO_SEED", "7")
    shown = form.defaults(Settings())
    assert shown["training"] == {"preset": "trial", "seed": 7, "devices": 1, "strategy": "ddp", "workers": 0}
    assert list(shown) == ["data", "training", "rollout", "approval"]


def test_the_form_lists_what_a_project_brings_and_begins_with_it(client, project):
    project.write("parts/gentle.py", GENTLE)
    project.write("moderato.toml", 'policy_set = "guidelines"\nplan = "gentle"\n')
    deployment = made_of(client, Settings())
    assert deployment.parameters["data"]["policy_set"] == "guidelines"
    fields = deployment.parameter_openapi_schema["definitions"]
    assert fields["Data"]["properties"]["policy_set"]["enum"] == ["community_guidelines", "guidelines"]
    assert fields["RollOut"]["properties"]["plan"]["enum"] == ["brief", "gentle", "steady"]
    assert (
        "One of: albef, blip, clip, coca, compact"
        in fields["Training"]["properties"]["preset"]["description"]
    )


@pytest.mark.parametrize("name", ["their.package.rules", "one_that_was_renamed"])
def test_a_policy_set_from_elsewhere_does_not_keep_the_deployments_from_being_served(
    client, monkeypatch, name
):
    monkeypatch.setenv("MODERATO_POLICY_SET", name)
    deployment = made_of(client, Settings())
    assert deployment.parameters["data"]["policy_set"] == name


def made_of(client, settings):
    """The deployment `retrain` as the server knows it."""
    made = next(it for it in deployments(settings) if it.flow.name == "retrain").made(client).apply()
    return client.read_deployment(made)


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
    drop_missed(client, datetime.now(UTC))
    assert client.read_flow_run(by_hand.id).state.type is StateType.SCHEDULED


@pytest.mark.xdist_group("platform")
def test_after_ten_days_of_downtime_nothing_is_caught_up_with(platform):
    with (
        temporary_settings({PREFECT_API_URL: f"{platform.prefect}/api"}),
        get_client(sync_client=True) as client,
    ):
        wait_for(lambda: len(scheduled(client)) > 5, 90)
        later = datetime.now(UTC) + timedelta(days=10)
        planned = scheduled(client)
        missed = [run for run in planned if run.expected_start_time < later - timedelta(minutes=1)]
        assert drop_missed(client, later) >= len(missed) > 0
        states = [client.read_flow_run(run.id).state for run in missed]
        assert {(state.type, state.name) for state in states} == {(StateType.CANCELLED, "Missed")}


def scheduled(client):
    waiting = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
    runs = client.read_flow_runs(flow_run_filter=FlowRunFilter(state=waiting))
    return [run for run in runs if run.auto_scheduled]


@pytest.mark.parametrize(("name", "second"), [("retrain", "SCHEDULED"), ("watch", "CANCELLED")])
def test_a_second_run_waits_or_is_refused_as_its_deployment_says(client, settings, name, second):
    deployment = next(it for it in deployments(settings) if it.flow.name == name).made(client).apply()
    runs = [client.create_flow_run_from_deployment(deployment) for _ in range(2)]
    for run in runs:  # as the process does that serves them
        client.set_flow_run_state(run.id, Pending())
    assert [client.read_flow_run(run.id).state.type.value for run in runs] == ["PENDING", second]
    client.set_flow_run_state(runs[0].id, Cancelled(), force=True)


@pytest.fixture
def asking(client, retraining):
    """A run that waits an hour for an approval, as the flow asks for it."""
    asked = {"approval": {"when": "before canary", "hours": 1, "otherwise": "reject"}}
    run = client.create_flow_run_from_deployment(retraining, parameters=asked)
    keys = keyset_from_base_key("asked")
    Answer.save(keys, flow_run_id=run.id)
    client.set_flow_run_state(run.id, Running(), force=True)
    waits = Suspended(timeout_seconds=None, pause_key="asked")
    waits.state_details.run_input_keyset = keys
    client.set_flow_run_state(run.id, waits, force=True)
    return run.id


def test_an_answer_that_does_not_come_is_the_one_that_was_chosen(client, asking):
    now = datetime.now(UTC)
    assert asking not in {it.id for it in answer_expired(client, now)}
    assert asking in {it.id for it in answer_expired(client, now + timedelta(hours=1, minutes=1))}
    assert client.read_flow_run(asking).state.name == "Resuming"
    answer = Answer(**read_flow_run_input("asked-response", flow_run_id=asking))
    assert (answer.decision, answer.name) == ("reject", "deadline")
    assert answer.reason == "nobody answered within 1 hours"


@pytest.fixture
def asked_by_its_canary(client, retraining):
    """A run whose canary asks, and the rollout that does."""
    rollout = Rollout.begin(plan_named("brief"), 1, 2, datetime.now(UTC)).waiting(
        "asking", "it is inconclusive"
    )
    run = client.create_flow_run_from_deployment(retraining, parameters={"approval": {"hours": 1}})
    waits = Suspended(timeout_seconds=None, pause_key=f"{key(rollout)} 1".replace(" ", "-"))
    keys = keyset_from_paused_state(waits)
    Word.save(keys, flow_run_id=run.id)
    client.set_flow_run_state(run.id, Running(), force=True)
    waits.state_details.run_input_keyset = keys
    client.set_flow_run_state(run.id, waits, force=True)
    return run.id, rollout


def test_what_is_not_shown_never_becomes_champion_by_the_clock(client, asked_by_its_canary):
    run, _ = asked_by_its_canary
    assert run in {it.id for it in answer_expired(client, datetime.now(UTC) + timedelta(hours=2))}
    assert client.read_flow_run(run).state.name == "Resuming"


def test_the_demo_starts_one_retraining_at_a_time(client, retraining):
    theirs = DeploymentFilter(id=DeploymentFilterId(any_=[retraining]))
    for run in client.read_flow_runs(deployment_filter=theirs):  # of other tests
        client.delete_flow_run(run.id)
    for _ in range(2):
        simulated.start_retraining({"training": {"preset": simulated.FIRST}, "rollout": {"canary": False}})
    (begun,) = (run for run in client.read_flow_runs(deployment_filter=theirs) if not run.auto_scheduled)
    assert begun.parameters["training"] == {"preset": simulated.FIRST}
    client.delete_flow_run(begun.id)


def test_a_canary_that_was_answered_at_a_terminal_asks_no_more_on_its_page(
    client, asked_by_its_canary, settings, prefect_server, monkeypatch
):
    run, rollout = asked_by_its_canary
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    (told,) = (line for line in waiting(settings) if str(run) in line)
    assert "waits for a person since" in told
    assert f"about its canary: {prefect_server.removesuffix('/api')}/runs/flow-run/{run}" in told
    assert run not in {it.id for it in go_on(client, rollout)}
    assert client.read_flow_run(run).state.type is StateType.PAUSED
    assert run in {it.id for it in go_on(client, rollout.resumed(datetime.now(UTC), "wait longer"))}
    assert client.read_flow_run(run).state.name == "Resuming"


@pytest.mark.parametrize("wrong", [{"decision": "perhaps"}, {"reason": ""}, {"signature": "x"}])
def test_a_mistyped_answer_is_refused_and_the_run_goes_on_asking(client, asking, wrong):
    answer = {"decision": "approve", "reason": "fine", "name": "operator"}
    refused = client.resume_flow_run(asking, run_input=answer | wrong)
    assert refused.status is SetStateStatus.REJECT
    assert next(iter(wrong.values())) in refused.details.reason
    assert client.read_flow_run(asking).state.type is StateType.PAUSED
    assert client.resume_flow_run(asking, run_input=answer).status is SetStateStatus.ACCEPT


def test_four_weeks_of_schedules_have_no_missed_or_doubled_run(settings):
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    planned = {
        it.flow.name: dates(it.cron, monday, monday + timedelta(days=28))
        for it in deployments(settings)
        if it.cron
    }
    assert [date.isoformat() for date in planned["retrain"]] == [
        f"2026-{day}T04:00:00+00:00" for day in ("11-23", "11-30", "12-07", "12-14")
    ]
    for name, seconds in (("watch", 3600), ("ingest", 600), ("compact", 86_400)):
        found = [date for date in planned[name] if date < monday + timedelta(days=6)]
        gaps = {(after - before).total_seconds() for before, after in itertools.pairwise(found)}
        assert gaps == {seconds}
        assert len(found) == 6 * 86_400 / seconds


def dates(cron, start, end):
    planned = PlannedByTheServer(cron=cron, timezone="UTC").get_dates(n=1000, start=start, end=end)
    return [date for date in asyncio.run(planned) if date < end]


HEARTBEATS = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}  # without, the automation takes a run for dead


def test_the_work_pools_deployments_are_the_same():
    written = yaml.safe_load((Path(__file__).parents[2] / "prefect.yaml").read_text())["deployments"]
    strategies = {"wait": "ENQUEUE", "refuse": "CANCEL_NEW"}
    assert written == [
        {
            "name": it.flow.name,
            "entrypoint": f"flows/{it.flow.name}.py:{it.flow.name}",
            "description": it.description,
            "tags": [OURS, *it.tags],
            "parameters": dict(it.parameters),
            "schedules": [{"cron": it.cron, "timezone": "UTC"}] if it.cron else [],
            "concurrency_limit": {"limit": 1, "collision_strategy": strategies[it.second]},
            "work_pool": {"name": "moderato", "job_variables": {"env": HEARTBEATS}},
        }
        for it in deployments(Settings(_env_file=None))
    ]
