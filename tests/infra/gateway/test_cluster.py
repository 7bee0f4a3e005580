"""The gateway on a Ray of its own: the same answers, replicas as load asks for them, nothing lost or left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import httpx
import psutil
import pytest
from gateway_server import Process, new_key, roll_out, until
from openai import OpenAI

pytestmark = pytest.mark.slow

CLIENTS = 8
MINUTE = 60.0


def test_on_ray_it_answers_grows_and_stops_without_losing_a_decision(home):
    roll_out(home, share=0.5)
    gateway = Process(home, "--ray", environment={"MODERATO_GATEWAY_REPLICA_LOAD": "1"})
    served = gateway.await_ready(2 * MINUTE)  # a Ray of its own is started first
    served.key = new_key(home)
    family = psutil.Process(gateway.process.pid).children(recursive=True)
    try:
        assert httpx.get(f"{served.url}/v1/models").status_code == 401
        said = OpenAI(base_url=f"{served.url}/v1", api_key=served.key).moderations.create(
            input="violence plain1"
        )
        assert said.results[0].flagged
        told = ask_until_it_grows(served)
        family = psutil.Process(gateway.process.pid).children(recursive=True)
        assert {found["role"] for found in told} == {"champion", "challenger"}
        assert "moderato_decisions_total" in httpx.get(f"{served.url}/metrics").text
    finally:
        gateway.process.send_signal(signal.SIGTERM)
        gateway.process.wait(MINUTE)
    assert gateway.process.returncode == 0, gateway.log.read_text()[-2000:]
    recorded = [row["decision_id"] for row in served.rows()]
    assert len(recorded) == len(set(recorded))
    assert {found["decision_id"] for found in told} <= set(recorded)
    _, left = psutil.wait_procs(family, timeout=10)
    assert left == []


def ask_until_it_grows(served):
    """Ask from several clients at once until a second replica has a journal; what was decided meanwhile."""
    told, over = [], threading.Event()

    def ask(number):
        count = 0
        while not over.is_set():
            count += 1
            told.extend(served.decide(f"{number}-{count}"))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(list((served.settings.home / "journal").iterdir())) > 1, MINUTE)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return told


def test_without_ray_the_command_says_what_to_install(home):
    script = (
        "import sys; sys.modules['ray'] = None; sys.argv = ['moderato', 'serve', '--ray'];"
        "from flows.cli import main; main()"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert ended.stderr.strip() == (
        "moderato: serve --ray needs Ray, which is not installed: pip install 'moderato[ray]'"
    )
