"""`moderato up` as a person meets it."""

import os
import subprocess
import sys
from contextlib import suppress

import httpx
import pytest
from ports import free_ports
from running_platform import runs, up, wait_for
from terminal import CTRL_C, terminal

from infra.gateway import KeyStore
from infra.home import Standing, held
from infra.lake import open_lake
from infra.registry import Registry
from infra.rollout import Store
from infra.settings import Settings

COMMAND = [sys.executable, "-m", "flows.cli"]


def moderato(*arguments, home, code=0):
    done = subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"MODERATO_HOME": str(home)},
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip() if code else done.stdout


def test_a_second_platform_on_a_home_is_told_where_the_first_one_is(settings):
    settings.home.mkdir()
    with held(
        settings.home, Standing(7, "http://127.0.0.1:4200", "http://127.0.0.1:5000", "http://127.0.0.1:8000")
    ):
        told = moderato("up", home=settings.home, code=2)
    assert told == (
        f"moderato: a platform runs on {settings.home} already, process 7: Prefect http://127.0.0.1:4200, "
        "MLflow http://127.0.0.1:5000, gateway http://127.0.0.1:8000; "
        "stop that one first, or set MODERATO_HOME to another folder"
    )


def test_a_port_in_use_is_one_line(settings):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = moderato("up", "--mlflow-port", str(port), home=settings.home, code=2)
    assert told == (
        f"moderato: port {port} of 127.0.0.1, for mlflow, is in use; stop what listens there, or choose another one "
        "with --mlflow-port or MODERATO_MLFLOW_PORT"
    )
    assert not (settings.home / "up.json").exists()


def test_two_services_on_one_port_are_told_apart_before_they_start(settings):
    told = moderato("up", "--prefect-port", "1234", "--mlflow-port", "1234", home=settings.home, code=2)
    assert told == (
        "moderato: prefect and mlflow cannot both have port 1234; choose another one with --mlflow-port or "
        "MODERATO_MLFLOW_PORT"
    )


def test_a_port_that_cannot_be_is_refused(settings):
    assert "Must be <= 65535" in moderato("up", "--prefect-port", "99999", home=settings.home, code=2)


def test_a_schedule_without_a_server_says_how_to_get_one(settings):
    told = moderato("schedule", home=settings.home, code=2)
    assert told == (
        "moderato: no Prefect server to ask: start the platform with moderato up, or set MODERATO_PREFECT_API_URL"
    )


@pytest.mark.slow
@pytest.mark.xdist_group("platform")
def test_schedules_are_listed_changed_and_refused(platform):
    home = platform.settings.home
    listed = moderato("schedule", home=home)
    for name in ("retrain", "watch", "ingest", "compact", "pretrain", "search"):
        assert name in listed
    told = moderato("schedule", "set", "compact", "--cron", "61 * * * *", home=home, code=2)
    assert "'61 * * * *' in 'UTC' is no schedule" in told
    assert (
        "no deployment 'nightly'; choose one of: compact, ingest, pretrain, retrain, search, watch"
        in moderato("schedule", "pause", "nightly", home=home, code=2)
    )
    assert "30 2 * * *" in moderato("schedule", "set", "compact", "--cron", "30 2 * * *", home=home)
    assert '"state": "paused"' in moderato("schedule", "pause", "compact", "--json", home=home)
    assert '"state": "paused"' not in moderato("schedule", "resume", "compact", "--json", home=home)


@pytest.mark.slow
def test_what_is_killed_is_started_again_schedules_stay_and_nothing_outlives_a_platform_that_was_killed(
    tmp_path,
):
    home, left = tmp_path / "home", []
    with up(home) as platform:
        moderato("schedule", "set", "ingest", "--cron", "15 * * * *", home=home)
        killed = [
            platform.service("prefect", "server"),
            platform.service("mlflow", "server"),
            platform.service("serve", "--port", str(platform.ports[2])),
            platform.service("flows.cli", "worker"),
        ]
        for process in killed:
            process.kill()
        before = answering(platform.log)
        wait_for(lambda: answering(platform.log) >= before + 4, 120)
        for url in (
            f"{platform.prefect}/api/health",
            f"{platform.mlflow}/health",
            f"{platform.gateway}/healthz",
        ):
            assert httpx.get(url).status_code == 200
    with suppress(AssertionError), up(home) as platform:  # it does not end as it should at the end
        shown = moderato("schedule", home=home)
        left += platform.children()
        platform.process.kill()
    assert "15 * * * *" in shown
    assert "0 4 * * 1" in shown
    assert left
    wait_for(lambda: not any(runs(child) for child in left), 45)


def answering(log):
    """How often a service has begun to answer."""
    return sum(log.read_text().count(f": {phase}, ") for phase in ("ready", "idle"))


@pytest.mark.slow
@pytest.mark.xdist_group("platform")
def test_cancelling_on_the_page_stops_training_and_leaves_the_champion(platform):
    registry = Registry(platform.settings)
    champion = registry.champion()
    run = platform.start(training={"preset": "compact,epochs=40", "seed": 5})
    wait_for(lambda: platform.artifacts(run).get("training"), 120)
    (mlflow_run,) = registry.client.search_runs(
        [registry.experiment_id], f"tags.`moderato.flow_run` = '{run}'"
    )
    platform.api("POST", f"/flow_runs/{run}/set_state", state={"type": "CANCELLING", "name": "Cancelling"})
    assert platform.ended(run, 60)["type"] == "CANCELLED"
    wait_for(lambda: registry.client.get_run(mlflow_run.info.run_id).info.status == "KILLED", 30)
    assert registry.champion() == champion


@pytest.mark.slow
@pytest.mark.minutes
@pytest.mark.timeout(1200)
def test_the_demo_trains_a_champion_and_brings_a_canary_to_its_end_by_itself(tmp_path):
    home = tmp_path / "home"
    settings = Settings(home=home, _env_file=None)
    lake = open_lake(settings)
    with up(home, "--demo") as platform:
        assert "\ngateway: idle, " in platform.log.read_text()
        assert "the demo trains a first champion" in platform.log.read_text()
        wait_for(lambda: "\nready" in platform.log.read_text(), 400)
        store = Store(settings)
        assert store.registry.champion().version == 1
        wait_for(lambda: (rollout := store.last()) is not None and rollout.is_over, 700)
        acts = [row["act"] for row in store.acts(store.last().id)]
        assert "ask" not in acts
        assert acts[-1] in ("promote", "roll back")
    before = decided(lake)
    with terminal_of(home, "--demo") as started:
        started.says("gateway", 60)
        wait_for(lambda: decided(lake) > before, 240)
        started.type(CTRL_C)
        code, _ = started.ended(60)  # what it accepted is answered first
    assert code == 130, started.said
    assert "Traceback" not in started.said
    (kept, again) = KeyStore.of(lake).all()
    assert kept.revoked_at is not None
    assert again.revoked_at is None


def terminal_of(home, *arguments):
    """`moderato up` as a person runs it, whose Ctrl-C reaches what it started."""
    ports = dict(zip(("PREFECT", "MLFLOW", "GATEWAY"), free_ports(3), strict=True))
    chosen = {f"MODERATO_{name}_PORT": str(port) for name, port in ports.items()}
    return terminal("up", *arguments, environment=os.environ | chosen | {"MODERATO_HOME": str(home)})


def decided(lake):
    return lake.decisions.open().count_rows() if lake.decisions.exists() else 0
