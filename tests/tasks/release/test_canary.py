"""A rollout from its first copy to its verdict, on real requests to a real gateway."""

import json
import random
import subprocess
import sys
import threading
from collections import Counter
from itertools import count, takewhile

import pytest
from gateway_server import Process, new_key, until
from tiny_model import LEARNED, make_candidate, make_champion

from infra.load_generator import replay
from infra.rollout import Store, act
from tasks.release.canary import canary
from tasks.release.evaluate import evaluate
from tasks.release.register import register

pytestmark = pytest.mark.slow

DRIVE = """
import sys
from infra.environment import adopt
from infra.settings import Settings
settings = Settings()
adopt(settings)
from tasks.release.canary import canary
from tasks.release.register import Release
from tasks.data.snapshot import Snapshot
release, snapshot = Release.model_validate_json(sys.argv[1]), Snapshot.model_validate_json(sys.argv[2])
print(canary.fn(settings, release, snapshot, "brief", ("flip_rate",)).model_dump_json())
"""


@pytest.fixture
def challenger(settings):
    """Version 1 decides; the release and the snapshot of version 2, which ranks as well."""
    make_champion(settings)
    candidate = make_candidate(settings, seed=1, strength=5.5)
    return register.fn(settings, candidate, evaluate.fn(settings, candidate, None)), candidate.snapshot


def posts():
    rng = random.Random(0)
    for number in count():
        words = [f"plain{rng.randrange(8)}" for _ in range(3)]
        words += [policy for policy in LEARNED if rng.random() < 0.12]
        market = rng.choice(["DE", "US", "JP", "FR"])
        yield {"post_id": f"post-{number}", "text": " ".join(words), "market": market}


class Traffic(threading.Thread):
    """Sends posts until told to stop, whether or not a gateway answers."""

    def __init__(self, url, key):
        super().__init__()
        self.url, self.key, self.over, self.found = url, key, threading.Event(), None

    def run(self):
        until_over = takewhile(lambda _: not self.over.is_set(), posts())
        self.found = replay(self.url, self.key, until_over, rate=150, seconds=400, heard=lambda sent: None)


def drive(settings, release, snapshot):
    """A controller in a process of its own."""
    arguments = [sys.executable, "-c", DRIVE, release.model_dump_json(), snapshot.model_dump_json()]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.timeout(600)
def test_a_rollout_outlives_its_controller_and_its_gateway(settings, challenger):
    store, gateway = Store(settings), Process(settings)
    served = gateway.await_ready()
    traffic = Traffic(served.url, new_key(settings))
    traffic.start()
    try:
        first = drive(settings, *challenger)
        until(lambda: (rollout := store.load(2)) is not None and rollout.stage > 0)
        first.kill()
        first.communicate()
        gateway.process.kill()
        gateway.process.wait()
        gateway = Process(settings, port=gateway.port)
        gateway.await_ready()
        output, errors = drive(settings, *challenger).communicate()
    finally:
        traffic.over.set()
        traffic.join()
        gateway.process.terminate()
        gateway.process.wait()
    assert output, errors
    ended = json.loads(output.splitlines()[-1])
    assert ended["promoted"], ended["reason"]
    assert store.registry.champion().version == 2
    assert traffic.found.failed, "the gateway was never away"
    recorded = Counter(row["decision_id"] for row in served.rows("role != 'shadow'"))
    acknowledged = Counter(traffic.found.decisions)
    assert acknowledged <= recorded
    assert set(recorded.values()) == {1}
    artifacts = {item.path for item in store.registry.client.list_artifacts(challenger[0].run_id, "canary")}
    assert artifacts == {"canary/evidence.png", "canary/rollout.md"}


def test_a_release_that_decides_already_is_left_alone(settings, challenger):
    release, snapshot = challenger
    Store(settings).registry.promote(release.version)
    assert canary.fn(settings, release, snapshot, "brief").promoted


def test_one_that_was_rolled_back_stays_rolled_back(settings, challenger):
    release, snapshot = challenger
    store = Store(settings)
    stopped = threading.Thread(target=lambda: until_begun_then_abort(store))
    stopped.start()
    first = canary.fn(settings, release, snapshot, "brief")
    stopped.join()
    store.registry.client.set_registered_model_alias(store.registry.name, "challenger", str(release.version))
    again = canary.fn(settings, release, snapshot, "brief")
    assert (first.promoted, first.reason) == (again.promoted, again.reason) == (False, "a complaint")
    assert store.registry.challenger() is None


def until_begun_then_abort(store):
    until(lambda: store.load(2) is not None)
    act(store, "abort", "a complaint")
