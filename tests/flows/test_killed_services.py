"""What dies during a retraining: it ends well or is marked crashed, registers once, and the champion stays."""

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from running_platform import up, wait_for
from tiny_model import make_champion

from infra.lake import open_lake
from infra.registry import Registry
from infra.settings import Settings
from infra.simulator import simulate

pytestmark = [pytest.mark.slow, pytest.mark.minutes, pytest.mark.timeout(1200)]

SERVICES = {
    "prefect": ("prefect", "server"),
    "mlflow": ("mlflow", "server"),
    "gateway": ("serve", "--port"),
    "deployments": ("flows.cli", "worker"),
}


@pytest.fixture
def webhook():
    """The address of a webhook, and what it is told."""
    told = []

    class Listens(BaseHTTPRequestHandler):
        def do_POST(self):
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Listens) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", told
        server.shutdown()
        thread.join()


@pytest.fixture
def platform(tmp_path, webhook):
    """A platform whose champion is its first, which tells the webhook."""
    settings = Settings(home=tmp_path / "home", _env_file=None)
    make_champion(settings)
    simulate(open_lake(settings), posts=3000, weeks=4, seed=1)
    with up(settings.home, MODERATO_NOTIFY_WEBHOOK=webhook[0]) as platform:
        yield platform


def test_a_retraining_ends_well_or_is_marked_crashed_whatever_dies(platform, webhook):
    registry = Registry(platform.settings)
    run = platform.start(
        training={"preset": "trial", "seed": 1},
        rollout={"canary": False, "plan": "brief", "replace": True},
    )
    wait_for(lambda: "training" in platform.artifacts(run), 120)
    for name, service in SERVICES.items():
        if name != "deployments":  # what works on it: its death is tried below
            platform.service(*service).kill()
    ended = platform.ended(run, 400)
    assert ended["type"] in ("COMPLETED", "CRASHED"), ended
    assert registry.champion() is not None
    marked_crashed_when_its_process_is_gone(platform, webhook[1])
    made = Counter(version.key for version in registry.versions())
    assert set(made.values()) == {1}


def marked_crashed_when_its_process_is_gone(platform, told):
    """A run that can say nothing any more is marked within minutes, the next one gets its place, a person is told."""
    dies = platform.start(training={"preset": "compact,epochs=500,patience=500"})
    wait_for(lambda: platform.state(dies)["type"] == "RUNNING", 120)
    waits = platform.start(
        training={"preset": "trial", "seed": 9}, rollout={"canary": False, "replace": True}
    )
    runner = platform.service(*SERVICES["deployments"])
    for process in (runner, *runner.children(recursive=True)):
        process.kill()
    assert platform.ended(dies, 300)["type"] == "CRASHED"
    assert platform.ended(waits, 300)["type"] == "COMPLETED"
    wait_for(lambda: len(states(told, dies, waits)) >= 2, 60)
    assert states(told, dies, waits) == ["Crashed", "Completed"]
    assert all(one["url"].startswith(platform.prefect) for one in told)


def states(told, *runs):
    """In which the webhook was told that these runs ended; one message may come twice, the very same."""
    distinct = map(json.loads, dict.fromkeys(map(json.dumps, told)))
    return [one["state"] for one in distinct if any(run in one["url"] for run in runs)]
