import json
import signal
import socket
import subprocess
import sys
import threading

import httpx
import psutil
import pytest
from gateway_server import Process, new_key, roll_out, until
from running_platform import runs

pytestmark = pytest.mark.slow

KILLS = 20
CLIENTS = 8


class Load:
    """Clients that ask without a pause and note every decision that was given to them."""

    def __init__(self, served):
        self.served, self.acknowledged, self.refused = served, [], []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _ask(self, number):
        count = 0
        with self.served.client() as client:
            while not self.over.is_set():
                count += 1
                posts = [{"post_id": f"{number}-{count}-{place}", "text": "violence"} for place in range(3)]
                try:
                    answer = client.post("/v1/decisions", json={"posts": posts})
                except httpx.TransportError:
                    return
                if answer.status_code == 200:
                    self.acknowledged += [found["decision_id"] for found in answer.json()["decisions"]]
                else:
                    self.refused.append(answer.text)


def start(home, *arguments, key=""):
    process = Process(home, *arguments)
    served = process.await_ready()
    served.key = key or new_key(home)
    return process, served


def test_after_sigkill_under_load_every_acknowledged_decision_is_in_the_lake_once(home):
    roll_out(home, share=0.5, shadow=0.2)
    key, acknowledged = new_key(home), []
    for kill in range(KILLS):
        process, served = start(home, key=key)
        with Load(served) as load:
            until(lambda load=load, kill=kill: len(load.acknowledged) > 300 * (kill + 1))
            process.process.kill()
            process.process.wait()
        acknowledged += load.acknowledged
    process, served = start(home, key=key)
    until(lambda: len(list((home.home / "journal").iterdir())) == 1)
    process.process.terminate()
    process.process.wait()
    recorded = [row["decision_id"] for row in served.rows()]
    assert len(recorded) == len(set(recorded))
    assert set(acknowledged) <= set(recorded)


def test_sigterm_answers_what_was_accepted_and_ships_it(home):
    process, served = start(home)
    with Load(served) as load:
        until(lambda: len(load.acknowledged) > 300)
        process.process.send_signal(signal.SIGTERM)
        process.process.wait(timeout=30)
    assert load.refused == []
    assert list((home.home / "journal").iterdir()) == []
    recorded = {row["decision_id"] for row in served.rows()}
    assert set(load.acknowledged) <= recorded


def test_several_processes_share_port_journal_and_metrics(home):
    process, served = start(home, "--workers", "2")
    with Load(served) as load:
        until(lambda: len(load.acknowledged) > 300)
    counted = httpx.get(f"{served.url}/metrics").text
    total = sum(
        float(line.rsplit(" ", 1)[1])
        for line in counted.splitlines()
        if line.startswith("moderato_decisions_total{")
    )
    assert total == len(load.acknowledged)
    process.process.terminate()
    process.process.wait(timeout=30)
    assert len(served.rows()) == len(load.acknowledged)


def test_workers_end_with_a_parent_that_is_killed_and_ship_what_they_accepted(home):
    process, served = start(home, "--workers", "2")
    workers = [
        it
        for it in psutil.Process(process.process.pid).children(recursive=True)
        if "spawn_main" in str(it.cmdline())
    ]
    assert len(workers) == 2
    with Load(served) as load:
        until(lambda: len(load.acknowledged) > 300)
        process.process.kill()
        process.process.wait()
        until(lambda: not any(runs(worker) for worker in workers))
    assert list((home.home / "journal").iterdir()) == []
    assert set(load.acknowledged) <= {row["decision_id"] for row in served.rows()}


def test_the_log_is_json_with_request_ids_and_without_content(home):
    process, served = start(home)
    with served.client() as client:
        answer = client.post("/v1/moderations", json={"input": "private words"})
        client.get("/private-path")
    process.process.terminate()
    process.process.wait(timeout=30)
    lines = [json.loads(line) for line in process.log.read_text().splitlines()]
    (logged,) = [line for line in lines if line.get("request_id") == answer.headers["X-Request-Id"]]
    assert (logged["route"], logged["status"], logged["key"]) == (
        "/v1/moderations",
        200,
        served.key.split("_")[1],
    )
    assert "private" not in process.log.read_text()
    assert served.key not in process.log.read_text()


def test_a_port_in_use_is_one_line(home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "flows.cli", "serve", "--port", str(port)]
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert refused.stderr == (
        f"moderato: cannot listen on 127.0.0.1:{port}: Address already in use; choose another with --host or --port\n"
    )
