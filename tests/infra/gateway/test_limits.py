import json
import socket

import httpx
import pytest
from gateway_server import copied, in_thread, new_key

from infra.gateway.api import limits, protocol
from infra.gateway.auth import authentication
from infra.gateway.auth.authentication import Bucket


@pytest.fixture
def client(gateway):
    with gateway.client() as client:
        yield client


def connect(served):
    host, port = served.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def heard(connection):
    """Everything until the other side closes."""
    parts = []
    while part := connection.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


@pytest.fixture
def strict(registered, settings):
    """A gateway with small limits."""
    small = copied(registered, settings.home).model_copy(
        update={"gateway_max_body": 1000, "gateway_rate": 2.0, "gateway_queue": 4}
    )
    with in_thread(small) as served:
        yield served


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(strict, declared):
    body = json.dumps({"input": "a" * 2000}).encode()
    with strict.client() as client:
        content = body if declared else iter([body[:900], body[900:]])
        answer = client.post("/v1/moderations", content=content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


def test_a_key_that_asks_too_often_is_told_when_to_come_back(strict):
    with strict.client() as client:
        answers = [client.get("/v1/models") for _ in range(8)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert answers[0].status_code == 200
    assert refused
    assert refused[0].json()["error"]["type"] == "rate_limit_error"
    assert int(refused[0].headers["Retry-After"]) >= 1


def test_one_keys_requests_cost_another_key_nothing(strict):
    with strict.client() as client:
        while client.get("/v1/models").status_code == 200:
            pass
    other = new_key(strict.settings)
    answer = httpx.get(f"{strict.url}/v1/models", headers={"Authorization": f"Bearer {other}"})
    assert answer.status_code == 200


def test_more_posts_than_may_wait_are_turned_away_at_once(strict):
    posts = [{"post_id": str(number), "text": "a"} for number in range(8)]
    with strict.client() as client:
        answer = client.post("/v1/decisions", json={"posts": posts})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "overloaded")
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_bucket_fills_at_its_rate():
    bucket = Bucket(rate=10.0, tokens=1.0, at=0.0)
    assert bucket.take(0.0) == 0
    assert bucket.take(0.0) == pytest.approx(0.1)
    assert bucket.take(0.1) == 0
    assert [bucket.take(1000.0) for _ in range(21)].count(0) == 10.0 * authentication.BURST


def test_a_flood_of_headers_is_refused(gateway):
    with connect(gateway) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        try:
            for number in range(10_000):
                connection.sendall(f"X-{number}: {'y' * 100}\r\n".encode())
        except OSError:
            pass
        else:
            assert b" 431 " in heard(connection)


def test_one_endless_header_is_refused(gateway):
    with connect(gateway) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX: " + b"y" * 40_000)
        assert b" 431 " in heard(connection)


def test_many_small_headers_at_once_are_refused(gateway):
    flood = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 50) for number in range(1000))
    with connect(gateway) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n" + flood + b"\r\n")
        answer = heard(connection)
    assert answer.count(b"HTTP/1.1") == 1
    assert b" 431 " in answer


def test_a_header_that_does_not_come_ends_the_connection(gateway, monkeypatch):
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 0.2)
    with connect(gateway) as connection:
        connection.sendall(b"GET /healthz HT")
        assert b" 408 " in heard(connection)


def test_a_body_that_does_not_come_ends_the_request(gateway, monkeypatch):
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.2)
    head = f"POST /v1/moderations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.key}\r\n"
    with connect(gateway) as connection:
        connection.sendall(f"{head}Content-Length: 50\r\n\r\n".encode() + b'{"input":')
        answer = heard(connection)
    assert b" 408 " in answer
    assert b"slow_body" in answer


def test_a_thousand_slow_clients_do_not_keep_others_waiting(gateway, client):
    slow = [connect(gateway) for _ in range(1000)]
    try:
        for connection in slow:
            connection.sendall(b"POST /v1/moderations HTTP/1.1\r\nHost: x\r\n")
        assert client.post("/v1/moderations", json={"input": "plain1"}).status_code == 200
    finally:
        for connection in slow:
            connection.close()


def test_what_is_no_http_is_refused(gateway, client):
    with connect(gateway) as connection:
        connection.sendall(b"\x16\x03\x01 not http\r\n\r\n")
        assert b" 400 " in heard(connection)
    assert client.get("/healthz").status_code == 200


def test_two_requests_sent_at_once_are_both_answered(gateway):
    one = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with connect(gateway) as connection:
        connection.sendall(one + last)
        answer = heard(connection)
    assert answer.count(b"HTTP/1.1 200") == 2
