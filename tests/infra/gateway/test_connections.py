"""A connection costs what its request is worth: what nobody will read is not waited for, nor taken in for ever."""

import gzip
import json
import socket
import time

import pytest
from gateway_server import new_key

from infra.gateway import Scope
from infra.gateway.api import limits, protocol

BODY = json.dumps({"input": "plain1"}).encode()


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Time runs faster."""
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 0.5)
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 1.0)


def connect(served):
    host, port = served.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def heard(connection):
    """Everything until the other side closes."""
    parts = []
    try:
        while part := connection.recv(1 << 16):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def head(line, *headers):
    return "\r\n".join([f"{line} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def key_of(gateway, key=None):
    return f"Authorization: Bearer {key or gateway.key}"


REFUSED = {
    "no key": ("POST /v1/moderations", [], 401),
    "a wrong key": ("POST /v1/decisions", ["Authorization: Bearer mod_x_y"], 401),
    "no such path": ("POST /v1/nothing", [], 404),
    "another method": ("PUT /v1/moderations", [], 405),
    "a method nobody has": ("DELETE /healthz", [], 405),
    "a look that needs no body": ("GET /healthz", [], 200),
    "metrics": ("GET /metrics", [], 200),
}
ANNOUNCED = {"length": "Content-Length: 100", "chunks": "Transfer-Encoding: chunked"}


@pytest.mark.parametrize("announced", ANNOUNCED)
@pytest.mark.parametrize("case", REFUSED)
def test_an_answer_that_did_not_need_the_body_ends_the_connection(gateway, case, announced):
    line, headers, status = REFUSED[case]
    with connect(gateway) as connection:
        connection.sendall(head(line, *headers, ANNOUNCED[announced]))
        began = time.monotonic()
        answer = heard(connection)
        assert time.monotonic() - began < 5
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer
    assert answer.count(b"HTTP/1.1") == 1
    assert b"connection: close" in answer.lower()


def test_a_kind_that_is_not_read_is_refused_before_its_body(gateway):
    with connect(gateway) as connection:
        kind = "Content-Type: text/csv"
        connection.sendall(head("POST /v1/decisions", key_of(gateway), kind, "Content-Length: 100"))
        answer = heard(connection)
    assert b" 415 " in answer
    assert b"send Content-Type: application/json" in answer


@pytest.mark.parametrize("announced", [f"Content-Length: {1 << 40}", "Transfer-Encoding: chunked"])
def test_what_is_sent_after_a_refusal_is_cut(gateway, monkeypatch, announced):
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 60.0)
    monkeypatch.setattr(protocol, "LINGER_BYTES", 1 << 20)
    sent, block = 0, b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with connect(gateway) as connection:
        connection.sendall(head("POST /v1/moderations", announced))
        try:
            while sent < 256 << 20:
                sent += connection.send(block)
        except OSError:
            pass
    assert sent < 32 << 20  # what the system's own buffers hold


def test_a_client_that_sends_its_whole_body_first_still_reads_the_refusal(gateway):
    body = b"x" * (4 << 20)
    with connect(gateway) as connection:
        connection.sendall(head("POST /v1/moderations", f"Content-Length: {len(body)}") + body)
        answer = heard(connection)
    assert b" 401 " in answer
    assert b"missing_api_key" in answer


def test_a_refusal_after_a_whole_body_keeps_the_connection(gateway):
    refused = head("POST /v1/moderations", f"Content-Length: {len(BODY)}") + BODY
    asked = (
        head("POST /v1/moderations", key_of(gateway), f"Content-Length: {len(BODY)}", "Connection: close")
        + BODY
    )
    with connect(gateway) as connection:
        connection.sendall(refused)
        first = connection.recv(1 << 16)
        connection.sendall(asked)
        second = heard(connection)
    assert b" 401 " in first
    assert b"connection: close" not in first.lower()
    assert b" 200 " in second


def test_who_asks_whether_to_go_on_is_told_so_only_with_a_key(gateway):
    asking = ["Expect: 100-continue", f"Content-Length: {len(BODY)}"]
    with connect(gateway) as connection:
        connection.sendall(head("POST /v1/moderations", *asking))
        answer = heard(connection)
        assert b"100 Continue" not in answer
        assert b" 401 " in answer
    with connect(gateway) as connection:
        connection.sendall(head("POST /v1/moderations", key_of(gateway), *asking, "Connection: close"))
        assert connection.recv(1 << 16) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        assert b" 200 " in heard(connection)


def test_a_body_that_would_be_too_large_is_not_asked_for(gateway):
    size = gateway.settings.gateway_max_body + 1
    with connect(gateway) as connection:
        expect = ["Expect: 100-continue", f"Content-Length: {size}"]
        connection.sendall(head("POST /v1/moderations", key_of(gateway), *expect))
        answer = heard(connection)
    assert b"100 Continue" not in answer
    assert b" 413 " in answer


def test_a_chunked_body_is_read_like_any_other(gateway):
    with connect(gateway) as connection:
        connection.sendall(
            head("POST /v1/moderations", key_of(gateway), "Transfer-Encoding: chunked", "Connection: close")
        )
        for part in (BODY[:5], BODY[5:], b""):
            connection.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        assert b" 200 " in heard(connection)


def test_a_body_that_trickles_is_not_waited_for(gateway, monkeypatch):
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.5)
    with connect(gateway) as connection:
        connection.sendall(head("POST /v1/moderations", key_of(gateway), "Transfer-Encoding: chunked"))
        began = time.monotonic()
        try:
            while time.monotonic() - began < 10:
                connection.sendall(b"1\r\nx\r\n")
                time.sleep(0.05)
        except OSError:
            pass
        assert time.monotonic() - began < 5
        connection.close()


def test_a_large_body_may_take_longer_than_a_small_one():
    assert limits.time_allowed(100) == limits.BODY_SECONDS
    assert limits.time_allowed(32 << 20) == pytest.approx(limits.BODY_SECONDS + (32 << 20) / limits.RATE)


def test_blank_lines_between_requests_do_not_keep_a_connection_open(gateway):
    with connect(gateway) as connection:
        connection.sendall(head("GET /healthz"))
        assert b" 200 " in connection.recv(1 << 16)
        connection.sendall(b"\r\n")
        began = time.monotonic()
        heard(connection)
        assert time.monotonic() - began < 5


def test_a_client_that_takes_no_answer_is_let_go(gateway, monkeypatch):
    monkeypatch.setattr(protocol, "TAKE_SECONDS", 0.5)
    with connect(gateway) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        ask = head("GET /openapi.json", key_of(gateway))
        connection.settimeout(0.5)
        try:
            for _ in range(2000):
                connection.sendall(ask)
        except OSError:
            pass
        time.sleep(1.5)
        connection.settimeout(20)
        read = len(heard(connection))
    assert read < 64 << 20


def test_what_is_no_http_is_told_in_the_shape_of_every_error(gateway):
    with connect(gateway) as connection:
        connection.sendall(b"\x16\x03\x01 not http\r\n\r\n")
        answer = heard(connection)
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "invalid_http"


def packed(data):
    return {"content": data, "headers": {"Content-Encoding": "gzip", "Content-Type": "application/json"}}


def test_a_packed_body_is_read(gateway):
    with gateway.client() as client:
        assert client.post("/v1/moderations", **packed(gzip.compress(BODY))).status_code == 200


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (gzip.compress(b" " * (40 << 20)), 413, "body_too_large"),
        (gzip.compress(BODY)[:-3], 400, "invalid_encoding"),
        (gzip.compress(BODY) + gzip.compress(BODY), 400, "invalid_encoding"),
        (BODY, 400, "invalid_encoding"),
        (gzip.compress(b"{"), 400, "invalid_json"),
    ],
    ids=["a bomb", "cut off", "two of them", "not packed", "no JSON in it"],
)
def test_a_packed_body_that_is_none_or_unpacks_to_too_much_is_refused(gateway, data, status, code):
    with gateway.client() as client:
        answer = client.post("/v1/moderations", **packed(data))
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Content-Type": "application/json"}, 200),
        ({"Content-Type": "Application/JSON; charset=UTF-8"}, 200),
        ({"Content-Type": 'application/vnd.api+json; charset="utf-8"'}, 200),
        ({"Content-Type": "application/json; charset=utf-16"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({"Content-Encoding": "identity"}, 200),
        ({"Content-Encoding": "br"}, 415),
        ({"Content-Encoding": "gzip, gzip"}, 415),
    ],
)
def test_a_body_of_another_kind_is_named(gateway, headers, status):
    with gateway.client() as client:
        answer = client.post("/v1/moderations", content=BODY, headers=headers)
    assert answer.status_code == status, answer.text


def test_a_mark_of_the_byte_order_is_passed_over(gateway):
    with gateway.client() as client:
        assert client.post("/v1/moderations", content=b"\xef\xbb\xbf" + BODY).status_code == 200


def test_a_key_without_the_scope_is_refused_before_the_body(gateway):
    key = new_key(gateway.settings, Scope.READ)
    with connect(gateway) as connection:
        connection.sendall(head("POST /v1/decisions", key_of(gateway, key), "Content-Length: 100"))
        assert b" 403 " in heard(connection)
