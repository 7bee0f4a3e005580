"""A run whose process died without a word is marked crashed within minutes, and the next one gets its place."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from running_platform import up, wait_for

from infra.lake import open_lake
from infra.settings import Settings
from infra.simulator import simulate

pytestmark = [pytest.mark.slow, pytest.mark.minutes]


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


def test_a_run_whose_process_died_is_marked_crashed_frees_its_place_and_is_told_of(tmp_path, webhook):
    address, told = webhook
    home = tmp_path / "home"
    simulate(open_lake(Settings(home=home, _env_file=None)), posts=3000, weeks=4, seed=1)
    with up(home, MODERATO_NOTIFY_WEBHOOK=address) as platform:
        dies = platform.start(training={"preset": "compact,epochs=500,patience=500"})
        wait_for(lambda: platform.state(dies)["type"] == "RUNNING", 60)
        waits = platform.start(training={"preset": "trial"})
        runner = platform.service("flows.command_line", "worker")
        for process in (runner, *runner.children(recursive=True)):
            process.kill()
        assert platform.ended(dies, 300)["type"] == "CRASHED"
        assert platform.ended(waits, 300)["message"] == "Promoted"
        wait_for(lambda: len(told) >= 2, 60)
    words = list(
        dict.fromkeys(map(json.dumps, told))
    )  # an event may come twice, and the very same is no news
    states = [(one["state"], one["text"]) for one in map(json.loads, words)]
    assert [state for state, _ in states] == ["Crashed", "Completed"]
    assert states[1][1] == "Promoted"
    assert told[0]["url"].startswith(platform.prefect)
