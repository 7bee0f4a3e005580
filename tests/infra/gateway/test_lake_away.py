"""A lake on S3 that cannot be reached: decisions go on, wait in the journal, and reach the lake once it is back."""

from __future__ import annotations

import signal
import time

import pytest
from cable import Cable
from gateway_server import Process, copied, in_thread, new_key, until

pytestmark = [pytest.mark.slow, pytest.mark.s3]


@pytest.fixture
def cable(s3_server):
    with Cable(int(s3_server.endpoint.rpartition(":")[2])) as cable:
        yield cable


@pytest.fixture
def far(registered, settings, s3_server, cable):
    """Settings of a home whose lake lies behind the cable."""
    bucket = s3_server.bucket(s3_server.settings(settings.home)).bucket
    keys = {"s3_access_key": s3_server.access_key, "s3_secret_key": s3_server.secret_key}
    behind = {"s3_endpoint": f"http://127.0.0.1:{cable.port}", "lake_uri": f"s3://{bucket}/lake"}
    return type(settings)(**copied(registered, settings.home).model_dump() | keys | behind, _env_file=None)


def test_decisions_go_on_and_reach_the_lake_once_it_is_back(far, cable):
    with in_thread(far) as served:
        before = served.decide("before")
        until(served.rows)
        cable.cut()
        during = [found for number in range(5) for found in served.decide(f"during-{number}")]
        time.sleep(3)  # the shipper has tried by now
        during += served.decide("still-away")
        cable.plug()
        told = {found["decision_id"] for found in before + during}
        until(lambda: len(served.rows()) >= len(told), 60)
        assert sorted(row["decision_id"] for row in served.rows()) == sorted(told)


def test_a_gateway_that_is_stopped_meanwhile_leaves_them_to_the_next_one(far, cable):
    key = new_key(far)
    environment = {
        "MODERATO_LAKE_URI": far.lake_uri,
        "MODERATO_S3_ENDPOINT": far.s3_endpoint,
        "MODERATO_S3_ACCESS_KEY": far.s3_access_key,
        "MODERATO_S3_SECRET_KEY": far.s3_secret_key.get_secret_value(),
    }
    first = Process(far, environment=environment)
    served = first.await_ready()
    served.key = key
    told = {found["decision_id"] for found in served.decide("a", "b")}
    until(served.rows)
    cable.cut()
    told |= {found["decision_id"] for found in served.decide("c", "d")}
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(60) in (0, -signal.SIGTERM)
    cable.plug()
    with in_thread(far) as second:
        until(lambda: len(second.rows()) >= len(told), 60)
        assert sorted(row["decision_id"] for row in second.rows()) == sorted(told)
