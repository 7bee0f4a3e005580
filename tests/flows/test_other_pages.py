"""A web page of somebody else, open in the operator's browser: it can neither read nor change anything."""

import json
import os
import subprocess
import sys
import uuid

import httpx
import pytest
from foreign_page import ASK, LISTEN, foreign_page
from running_platform import up, wait_for

from flows.cli import ASKED
from infra.gateway import KeyStore, Scope
from infra.lake import open_lake
from infra.registry import Registry
from infra.simulator import simulate

PASSWORD = "a-long-password-for-tests"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.minutes,
    pytest.mark.xdist_group("platform"),
]


@pytest.fixture
def elsewhere(browser):
    """A page on another port of this machine."""
    with foreign_page() as address:
        page = browser.new_page()
        page.goto(address)
        yield page
        page.close()


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    """A platform that asks for a password."""
    with up(tmp_path_factory.mktemp("locked") / "home", MODERATO_PASSWORD=PASSWORD) as running:
        yield running


@pytest.fixture
def waiting(platform):
    """A flow run that Prefect keeps, for a page to reach for."""
    flow = platform.api("POST", "/flows/", name="kept")["id"]
    return platform.api("POST", "/flow_runs/", flow_id=flow, state={"type": "PAUSED", "name": "Suspended"})[
        "id"
    ]


@pytest.mark.parametrize("mode", ["cors", "no-cors"])
@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_prefect_is_neither_read_nor_changed(elsewhere, platform, waiting, mode, kind, name):
    api = f"http://{name}:{platform.ports[0]}/api"
    deployment = platform.api("GET", "/deployments/name/ingest/ingest")["id"]
    before = len(platform.api("POST", "/flow_runs/filter"))
    state = {"state": {"type": "CANCELLED"}, "force": True}
    asked = {
        f"{api}/flow_runs/filter": {},
        f"{api}/flow_runs/{waiting}/resume": {"run_input": {"decision": "approve"}},
        f"{api}/flow_runs/{waiting}/set_state": state,
        f"{api}/deployments/{deployment}/create_flow_run": {"parameters": {"path": "/"}},
    }
    for url, body in asked.items():
        options = {
            "method": "POST",
            "mode": mode,
            "body": json.dumps(body),
            "headers": {"Content-Type": kind},
        }
        found = elsewhere.evaluate(ASK, {"url": url, **options})
        assert found in {"blocked", "opaque"}, f"{url}: {found}"
    assert elsewhere.evaluate(ASK, {"url": f"{api}/flow_runs/{waiting}", "method": "DELETE"}) == "blocked"
    assert platform.state(waiting)["type"] == "PAUSED"
    assert len(platform.api("POST", "/flow_runs/filter")) == before


def test_no_event_is_sent_or_heard_from_another_page(elsewhere, platform):
    for path in ("events/in", "events/out", "logs/out"):
        assert elsewhere.evaluate(LISTEN, f"ws://127.0.0.1:{platform.ports[0]}/api/{path}") == "blocked"


@pytest.mark.parametrize("mode", ["cors", "no-cors"])
@pytest.mark.parametrize("prefix", ["api", "ajax-api"])
def test_mlflow_is_neither_read_nor_changed(elsewhere, platform, mode, prefix):
    api = f"{platform.mlflow}/{prefix}/2.0/mlflow"
    name = f"kept-{uuid.uuid4().hex[:8]}"
    made = httpx.post(f"{api}/experiments/create", json={"name": name}).json()["experiment_id"]
    get = f"{api}/experiments/get?experiment_id={made}"
    assert elsewhere.evaluate(ASK, {"url": get, "mode": mode}) in {"blocked", "opaque"}
    for path, body in (
        ("experiments/delete", {"experiment_id": made}),
        ("experiments/create", {"name": "bad"}),
    ):
        for kind in ("text/plain", "application/json"):
            options = {
                "method": "POST",
                "mode": mode,
                "body": json.dumps(body),
                "headers": {"Content-Type": kind},
            }
            assert elsewhere.evaluate(ASK, {"url": f"{api}/{path}", **options}) in {"blocked", "opaque"}
    assert httpx.get(get).json()["experiment"]["lifecycle_stage"] == "active"
    bad = httpx.get(f"{api}/experiments/get-by-name", params={"experiment_name": "bad"})
    assert bad.status_code == httpx.codes.NOT_FOUND


def test_a_form_and_a_frame_of_another_page_are_refused(elsewhere, platform, waiting):
    action = f"{platform.prefect}/api/flow_runs/{waiting}/resume"
    elsewhere.set_content(
        f'<form method="post" enctype="text/plain" action="{action}"><input name="x"></form>'
        f'<iframe id="framed" src="{platform.prefect}/runs"></iframe>'
    )
    assert "Prefect" not in elsewhere.frames[-1].content()
    with elsewhere.expect_navigation() as answered:
        elsewhere.evaluate("document.forms[0].submit()")
    assert answered.value.status == httpx.codes.FORBIDDEN
    assert platform.state(waiting)["type"] == "PAUSED"


def test_a_name_that_somebody_pointed_here_is_refused(platform):
    for url in (
        f"{platform.prefect}/api/flow_runs/count",
        f"{platform.mlflow}/api/2.0/mlflow/experiments/search",
    ):
        answer = httpx.post(url, json={}, headers={"Host": "pointed-here.example"})
        assert answer.status_code == httpx.codes.FORBIDDEN


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_prefects_own_page_works_under_each_name_of_this_machine(browser, platform, name):
    page = browser.new_page()
    page.goto(f"http://{name}:{platform.ports[0]}/deployments")
    page.get_by_text("retrain", exact=True).first.wait_for()
    page.close()


def test_a_password_is_asked_for_on_both_pages_and_opens_them(browser, locked):
    page = browser.new_page()
    page.goto(f"{locked.prefect}/deployments")
    page.locator("input[type=password]").wait_for()
    assert page.get_by_text("retrain", exact=True).count() == 0
    page.locator("input[type=password]").fill(f"moderato:{PASSWORD}")
    page.keyboard.press("Enter")
    page.get_by_text("retrain", exact=True).first.wait_for()
    page.close()
    assert httpx.get(locked.mlflow).headers["WWW-Authenticate"].startswith("Basic")
    known = {"username": "moderato", "password": PASSWORD}
    with browser.new_context(http_credentials=known) as context:
        page = context.new_page()
        page.goto(locked.mlflow)
        page.get_by_text("Experiments").first.wait_for()


def command(locked, *words, password="", typed=""):
    environment = os.environ | {"MODERATO_HOME": str(locked.settings.home), "MODERATO_PASSWORD": password}
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *words],
        capture_output=True, text=True, check=False, env=environment, input=typed,
    )  # fmt: skip


def test_a_command_without_the_password_says_how_to_give_it(locked):
    refused = command(locked, "schedule")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.strip() == f"moderato: {ASKED}"
    assert "compact" in command(locked, "schedule", password=PASSWORD).stdout


def test_runs_know_the_password_and_keep_it_to_themselves(locked):
    locked.only_by_hand("compact/compact")
    run = locked.start(deployment="compact/compact")
    assert locked.ended(run)["type"] == "COMPLETED"
    for process in locked.children():
        assert PASSWORD not in " ".join(process.cmdline())
    logs = "".join(path.read_text(errors="replace") for path in (locked.settings.home / "logs").iterdir())
    assert PASSWORD not in logs + locked.log.read_text()


def pause_of(platform, run):
    state = platform.state(run)
    return state["state_details"]["pause_key"] or "" if state["type"] == "PAUSED" else ""


@pytest.mark.timeout(900)
def test_an_approval_needs_a_code_there_and_says_whose_it_was(locked):
    simulate(open_lake(locked.settings), posts=4000, weeks=4, seed=1)
    key, kept = KeyStore.of(open_lake(locked.settings)).create([Scope.APPROVE], "a release manager")
    asked = {"approval": {"when": "before promotion"}, "rollout": {"canary": False}}
    run = locked.start(training={"preset": "trial"}, **asked)
    locked.waits(run)
    answer = {"decision": "approve", "reason": "the figures are fine", "name": "anybody"}
    for attempt, name in enumerate(("anybody", "deadline"), 2):  # nor does it help to sign as the clock does
        locked.api("POST", f"/flow_runs/{run}/resume", run_input=answer | {"name": name})
        wait_for(lambda attempt=attempt: pause_of(locked, run).endswith(f"-{attempt}"), 120)
    code = command(locked, "sign", "1", typed=f"{key}\n").stdout.strip()
    assert key.rpartition("_")[2] not in code
    locked.api("POST", f"/flow_runs/{run}/resume", run_input=answer | {"code": code})
    assert locked.ended(run)["message"] == "Promoted"
    told = Registry(locked.settings).tag(1, "moderato.approval")
    assert told == (
        f"approved before promotion by a release manager (proved with the key {kept.key_id}): the figures are fine"
    )
    acts = open_lake(locked.settings).acts.open().to_table().to_pylist()
    assert ("a release manager", told) in {(act["who"], act["why"]) for act in acts}


def test_who_has_no_password_is_told_so(locked):
    for method, url in (("POST", f"{locked.prefect}/api/flow_runs/filter"), ("GET", locked.mlflow)):
        assert httpx.request(method, url).status_code == httpx.codes.UNAUTHORIZED
    assert httpx.get(f"{locked.prefect}/api/health").is_success
    assert httpx.get(f"{locked.mlflow}/health").is_success
