"""A canary that asks, answered on the page of its run as Prefect's page answers it."""

import json
import threading
from datetime import UTC, datetime
from functools import partial

import pytest
from gateway_server import until
from prefect import flow, get_client
from prefect.client.schemas.objects import StateType
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from tiny_model import make_candidate, make_champion

from infra.rollout import Rollout, Store, act, plan_named
from tasks.plumbing.results import RESULTS
from tasks.release.canary import canary
from tasks.release.evaluate import evaluate
from tasks.release.question import answered
from tasks.release.register import Release, register

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]


@flow(name="asks", persist_result=True, result_serializer=RESULTS)
def asks(drive: dict) -> Release:
    """The part of a retraining that is about its canary."""
    settings, release, snapshot = drive["settings"], drive["release"], drive["snapshot"]
    return answered(settings, partial(canary, settings, release, snapshot, "brief", leave=True), hours=24)


@pytest.fixture(scope="module")
def client():
    with get_client(sync_client=True) as opened:
        yield opened


@pytest.fixture
def asking(settings):
    """The parameters of a run whose rollout asks a person."""
    make_champion(settings)
    candidate = make_candidate(settings, seed=1, strength=5.5)
    release = register.fn(settings, candidate, evaluate.fn(settings, candidate, None))
    store = Store(settings)
    store.begin(Rollout.begin(plan_named("brief"), 1, 2, datetime.now(UTC)).climbed(datetime.now(UTC)), "new")
    why = "25 % is inconclusive: latency_p50 of all posts is inconclusive"
    store.change(2, "ask", lambda it: it.waiting("asking", why))
    return {"settings": settings, "release": release, "snapshot": candidate.snapshot}


def begun(client, parameters):
    """A run as a deployment starts it, suspended at its question."""
    deployment = client.create_deployment(client.create_flow(asks), name="asks")
    run = client.create_flow_run_from_deployment(deployment)
    with pytest.raises(Pause):
        going_on(client, run.id, parameters)
    return client.read_flow_run(run.id)


def going_on(client, run_id, parameters):
    """What the run comes to when the process that serves it takes it up."""
    return run_flow(asks, client.read_flow_run(run_id), parameters={"drive": parameters})


def question(client, run):
    keys = run.state.state_details.run_input_keyset
    return client.read_flow_run_input(run.id, keys["description"])


@pytest.mark.parametrize(
    ("decision", "promoted", "status"), [("promote", True, "promoted"), ("roll back", False, "rolled back")]
)
def test_a_person_reads_the_evidence_and_answers(client, asking, decision, promoted, status):
    store = Store(asking["settings"])
    run = begun(client, asking)
    assert run.state.type is StateType.PAUSED
    told = question(client, run)
    assert "The canary of version 2 asks" in told
    assert "- **latency_p50** subject all posts, " in told
    assert store.running().rests, "nobody watches it while a person thinks"
    word = {"decision": decision, "reason": "seen enough", "name": "operator"}
    client.resume_flow_run(run.id, run_input=word)
    release = going_on(client, run.id, asking)
    assert release.promoted is promoted
    assert release.reason == f"{decision}, by operator (as typed, unverified): seen enough"
    ended = store.load(2)
    assert ended.status == status
    assert ended.last.who == "operator"
    assert ended.reason == f"{decision}, by operator (as typed, unverified): seen enough"


def test_one_that_waits_longer_has_its_traffic_and_time_again(client, asking):
    store, seen = Store(asking["settings"]), []
    run = begun(client, asking)
    client.resume_flow_run(
        run.id, run_input={"decision": "wait longer", "reason": "a holiday", "name": "operator"}
    )

    def look() -> None:
        until(lambda: store.load(2).status == "running")
        seen.append(store.load(2))
        act(store, "abort", "enough")

    looking = threading.Thread(target=look)
    looking.start()
    assert not going_on(client, run.id, asking).promoted
    looking.join()
    assert (seen[0].status, seen[0].share) == ("running", 0.25)


def test_one_that_was_answered_at_a_terminal_goes_on_by_that(client, asking):
    store = Store(asking["settings"])
    run = begun(client, asking)
    act(store, "promote", "the terminal was nearer")
    client.resume_flow_run(
        run.id, run_input={"decision": "roll back", "reason": "too late", "name": "deadline"}
    )
    release = going_on(client, run.id, asking)
    assert release.promoted
    assert json.loads(release.model_dump_json())["asks"] == ""


def test_one_whose_promotion_was_cut_short_is_finished_and_nobody_is_asked(asking):
    """The alias was set, and the rollout still asks: whoever promoted it was killed in between."""
    store = Store(asking["settings"])
    store.registry.promote(2)
    release = canary.fn(asking["settings"], asking["release"], asking["snapshot"], "brief", leave=True)
    assert release.promoted
    assert release.asks == ""
    assert store.load(2).status == "promoted"
