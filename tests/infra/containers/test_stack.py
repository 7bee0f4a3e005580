"""The whole lifecycle with Prefect and MLflow on PostgreSQL, and the lake and artifacts on S3."""

import httpx
import pytest
from running_platform import wait_for
from stack import stack

from infra.environment import adopt
from infra.gateway import KeyStore, Scope
from infra.lake import open_lake
from infra.registry import Registry
from infra.simulator import simulate

pytestmark = [pytest.mark.slow, pytest.mark.minutes, pytest.mark.s3]


@pytest.fixture(scope="module")
def running():
    """The stack and its platform with a few weeks of posts."""
    with stack() as (services, platform), pytest.MonkeyPatch.context() as patch:
        for name, value in services.environment("worker").items():
            patch.setenv(name, value)
        adopt(platform.settings)
        simulate(open_lake(platform.settings), posts=3000, weeks=4, seed=1)
        yield services, platform


@pytest.fixture(scope="module")
def champion(running):
    """The stack with a champion; PostgreSQL and then S3 were away in the middle of its retraining."""
    services, platform = running
    run = platform.start(training={"preset": "trial"}, rollout={"canary": False})
    wait_for(lambda: "training" in platform.artifacts(run), 120)
    for server in ("postgres", "s3"):
        services.stop(server)
        services.start(server)
        assert platform.state(run)["type"] == "RUNNING", server
    ended = platform.ended(run)
    assert ended["type"] == "COMPLETED", ended["message"]
    wait_for(lambda: heartbeats(platform, run), 60)  # without, it would be taken for dead
    return running


def heartbeats(platform, run):
    asked = {
        "event": {"name": ["prefect.flow-run.heartbeat"]},
        "resource": {"id": [f"prefect.flow-run.{run}"]},
    }
    return platform.api("POST", "/events/filter", filter=asked)["events"]


def test_a_retraining_survives_a_restart_of_postgresql_and_one_of_s3(champion):
    registry = Registry(champion[1].settings)
    assert [version.version for version in registry.versions()] == [registry.champion().version] == [1]


def test_mlflow_answers_to_its_name_in_the_network_and_to_no_other(champion):
    services, platform = champion
    asked = {"Host": services.local("mlflow:5000", services.folder)}
    url = f"{platform.mlflow}/api/2.0/mlflow/experiments/get-by-name?experiment_name=moderato"
    assert httpx.get(url, headers=asked, auth=platform.auth).status_code == httpx.codes.OK
    assert httpx.get(url, headers=asked).status_code == httpx.codes.UNAUTHORIZED
    elsewhere = {"Host": "elsewhere.example"}
    assert httpx.get(url, headers=elsewhere, auth=platform.auth).status_code == httpx.codes.FORBIDDEN


def test_the_gateway_decides_and_the_lake_on_s3_learns_of_it(champion):
    _, platform = champion
    lake = open_lake(platform.settings)
    key, _ = KeyStore.of(lake).create([Scope.DECIDE])
    with httpx.Client(base_url=platform.gateway, headers={"Authorization": f"Bearer {key}"}) as client:
        post = {"post_id": "on-the-stack", "text": "hello"}
        wait_for(lambda: client.post("/v1/decisions", json={"posts": [post]}).is_success, 60)
    found = "post_id = 'on-the-stack'"
    wait_for(lambda: lake.decisions.exists() and lake.decisions.open().count_rows(filter=found), 60)
