"""Ctrl-C in a terminal, which every process of it gets: each command ends in seconds, with one line and 130.

What trains is interrupted in tests/flows/test_retrain.py, and the platform in test_up.py.
"""

import json
import signal
import subprocess
import sys
import time

import pytest
from gateway_server import Process
from ports import free_ports
from running_platform import wait_for
from terminal import CTRL_C, terminal
from tiny_model import make_champion

from infra import stopping
from infra.platform import answers
from infra.settings import Settings

pytestmark = pytest.mark.slow
LINE = "moderato: interrupted; the same command goes on from here"
ENDS = stopping.STOP_SECONDS + 6  # seconds: the command's own, and what a busy machine takes beside
STUBBORN = """
import logging, signal, sys, time
from infra.stopping import answering_ctrl_c, at_the_end, end
at_the_end(lambda: print("closed", flush=True))
at_the_end(lambda: time.sleep(60))
with answering_ctrl_c():
    begun = False
    while True:
        try:
            begun = begun or print("begun", flush=True) is None
            time.sleep(60)
        except KeyboardInterrupt:
            logging.getLogger("mlflow").error("a store's session was interrupted", exc_info=True)
            print("swallowed", flush=True)
"""
DROPPED = """
import os, signal, time
from infra.stopping import answering_ctrl_c, end
class Dropped:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
with answering_ctrl_c():
    try:
        Dropped()
        time.sleep(60)
    except KeyboardInterrupt:
        print("heard", flush=True)
        end()
"""


@pytest.fixture(scope="module")
def posts(tmp_path_factory):
    """A file that takes long to read on any machine."""
    path = tmp_path_factory.mktemp("posts") / "posts.jsonl"
    shared = {"author_id": "a", "market": "DE", "created_at": "2026-01-01T00:00:00Z"}
    with path.open("w") as file:
        for number in range(1_000_000):
            file.write(
                json.dumps(shared | {"post_id": f"p{number}", "text": f"a quiet walk {number}"}) + "\n"
            )
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Settings of a home with a champion."""
    settings = Settings(home=tmp_path_factory.mktemp("interrupted") / "home", _env_file=None)
    make_champion(settings)
    return settings


@pytest.fixture(scope="module")
def gateway(home):
    """Where one answers."""
    served = Process(home)
    wait_for(answers(f"{served.served.url}/readyz"), 120)
    yield served.served.url
    served.process.terminate()
    served.process.wait()


@pytest.fixture
def places(home, gateway, posts, tmp_path, monkeypatch):
    """What the commands are about."""
    monkeypatch.setenv("MODERATO_HOME", str(home.home))
    return {"posts": posts, "out": tmp_path / "out.parquet", "url": gateway, "port": free_ports(1)[0]}


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("simulate --posts 60000", "posts"),
        ("ingest jsonl {posts}", "MB"),
        ("score {posts} {out}", "scor"),
        ("replay --url {url} --seconds 60", "replaying"),
        ("serve --port {port}", "Uvicorn running"),
        ("serve --port {port} --workers 2", "Started parent process"),
    ],
)
def test_a_command_ends_in_seconds(places, command, says):
    with terminal(*command.format(**places).split()) as asked:
        asked.says(says)
        asked.type(CTRL_C)
        code, _ = asked.ended(ENDS)
    assert code == 130, asked.said
    assert asked.said.strip().splitlines()[-1].removeprefix("^C") == LINE
    assert "Traceback" not in asked.said


@pytest.fixture
def stubborn():
    """A process that has swallowed a Ctrl-C."""
    command = [sys.executable, "-c", STUBBORN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asked:
        assert asked.stdout.readline() == b"begun\n"
        asked.send_signal(signal.SIGINT)
        assert asked.stdout.readline() == b"swallowed\n"
        yield asked


def test_what_swallows_it_ends_all_the_same_and_closes_what_it_can(stubborn):
    assert stubborn.wait(ENDS) == stopping.INTERRUPTED
    assert stubborn.stdout.read().endswith(b"closed\n")
    assert stubborn.stderr.read().decode().strip() == LINE


def test_asked_twice_it_ends_at_once(stubborn):
    since = time.monotonic()
    stubborn.send_signal(signal.SIGINT)
    assert stubborn.wait(ENDS) == stopping.INTERRUPTED
    assert time.monotonic() - since < stopping.STOP_SECONDS - stopping.CLOSING, "not by its clock"


def test_it_is_heard_where_python_drops_what_is_raised():
    command, since = [sys.executable, "-c", DROPPED], time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ENDS)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (stopping.INTERRUPTED, "heard\n", LINE)
    assert time.monotonic() - since < stopping.STOP_SECONDS - stopping.CLOSING, "not by its clock"
