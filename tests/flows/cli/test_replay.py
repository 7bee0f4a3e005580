import json
import subprocess
import sys

import pytest
from gateway_server import in_thread, make_home, until

from infra.gateway import KeyStore
from infra.simulator import simulate

COMMAND = [sys.executable, "-m", "flows.cli", "replay"]


def replay(*arguments, code=0):
    done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout) if code == 0 else done.stderr.strip()


@pytest.fixture
def gateway(settings):
    make_home(settings.home)
    with in_thread(settings) as served:
        yield served


@pytest.mark.slow
def test_posts_of_the_lake_arrive_oldest_first_and_every_answer_is_recorded(gateway, lake):
    simulate(lake, posts=60, weeks=2, seed=0)
    found = replay("--from", "lake", "--rate", 40, "--seconds", 10, "--url", gateway.url, "--json")
    assert found["sent"] == found["answered"] == 60
    assert found["failed"] == {}
    assert sum(found["actions"].values()) == sum(found["versions"].values()) == 60
    gateway_rows = {row["post_id"] for row in lake.posts.open().to_table(columns=["post_id"]).to_pylist()}
    until(lambda: len(gateway.rows()) == 60)
    rows = sorted(gateway.rows(), key=lambda row: row["decided_at"])
    assert {row["post_id"] for row in rows} == gateway_rows
    assert rows[0]["post_id"].startswith("sim0-w01")
    assert rows[-1]["post_id"].startswith("sim0-w02")


@pytest.mark.slow
def test_the_simulator_sends_at_the_rate_asked_and_its_key_is_revoked(gateway, lake):
    found = replay("--rate", 20, "--seconds", 2, "--url", gateway.url, "--json")
    assert found["answered"] == 40
    made = next(key for key in KeyStore.of(lake).all() if key.name == "moderato replay")
    assert made.revoked_at is not None


@pytest.mark.slow
def test_a_key_that_the_gateway_does_not_know_is_one_line(gateway):
    assert "does not take this key" in replay("--key", "mod_x_y", "--url", gateway.url, code=2)


def test_without_a_gateway_or_posts_it_is_one_line():
    assert replay("--url", "http://127.0.0.1:9", code=2) == (
        "moderato: no gateway at http://127.0.0.1:9; start one with moderato serve"
    )
    assert replay("--from", "lake", code=2).startswith("moderato: the lake holds no posts")


@pytest.mark.parametrize("arguments", [("--rate", "0"), ("--seconds", "-1"), ("--from", "nowhere")])
def test_impossible_traffic_is_refused(arguments):
    assert "Invalid value" in replay(*arguments, code=2)
