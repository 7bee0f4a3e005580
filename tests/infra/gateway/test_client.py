"""The client against a real gateway: what comes back, what is sent again, and what is told in place of an answer."""

import http.server
import threading
from contextlib import contextmanager

import httpx
import pytest
from ports import free_port
from tiny_model import POLICIES, picture

from infra.client import MAKE_A_KEY, Client, GatewayError, NoKeyError
from infra.client import client as module
from infra.gateway import Scope


@pytest.fixture(scope="module")
def client(gateway):
    with Client(gateway.url, gateway.key) as opened:
        yield opened


def test_a_text_is_decided(client):
    decision = client.decide("violence violence violence")
    assert decision.model_version == "1"
    assert set(decision.scores) == set(POLICIES)
    assert decision.action in ("limit", "age_gate", "review", "remove")
    assert decision.reasons[0].policy == "violence"


def test_several_posts_are_decided_in_their_order_however_many_they_are(client):
    posts = [{"post_id": f"p{place}", "text": "plain1", "market": "DE"} for place in range(300)]
    assert [it.post_id for it in client.decide(posts)] == [post["post_id"] for post in posts]
    assert client.decide([]) == []


def test_a_picture_is_bytes_or_the_path_of_a_file(client, tmp_path):
    file = tmp_path / "red.png"
    file.write_bytes(picture(250))
    by_bytes, by_path = (client.decide({"image": image}) for image in (file.read_bytes(), file))
    assert by_bytes.scores == by_path.scores
    assert by_bytes.post_id == by_path.post_id  # named by its content
    assert by_bytes.scores["graphic_content"] > client.decide({"image": picture(0)}).scores["graphic_content"]


def test_texts_are_moderated_in_openai_s_categories(client):
    hurtful, plain = client.moderate(["violence violence violence", "plain1 plain2"])
    assert hurtful.flagged
    assert "violence" in hurtful.violated
    assert not plain.flagged
    assert plain.violated == ()
    assert client.moderate("plain1").category_applied_input_types["violence"] == ["text"]


def test_a_client_without_a_key_says_how_to_make_one(monkeypatch):
    monkeypatch.delenv("MODERATO_KEY", raising=False)
    with pytest.raises(NoKeyError, match="moderato keys create --scope decide"):
        Client()


def test_key_and_address_may_stand_in_the_environment(gateway, monkeypatch):
    monkeypatch.setenv("MODERATO_KEY", gateway.key)
    monkeypatch.setenv("MODERATO_GATEWAY_URL", gateway.url)
    with Client() as client:
        assert client.decide("plain1").action == "allow"


def test_a_wrong_key_a_wrong_post_and_no_gateway_are_told_apart(gateway, client):
    with Client(gateway.url, "mod_wrong") as stranger, pytest.raises(GatewayError) as refused:
        stranger.decide("plain1")
    assert refused.value.status == 401
    assert "make a key with moderato keys create" in str(refused.value)
    with pytest.raises(GatewayError, match=r"answered 400: .*a post needs text, an image or a video"):
        client.decide({"text": " "})
    with Client(f"http://127.0.0.1:{free_port()}", "any") as lost, pytest.raises(GatewayError) as away:
        lost.decide("plain1")
    assert away.value.status == 0
    assert "start one with moderato serve" in str(away.value)


@contextmanager
def busy_before(gateway, answers):
    """A door before the gateway that first answers with these, and then lets requests through."""
    seen = []

    class Door(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append(self.headers["Idempotency-Key"])
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if answers:
                status, headers = answers.pop(0)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            passed = {
                name: self.headers[name] for name in ("Authorization", "Content-Type", "Idempotency-Key")
            }
            answer = httpx.post(f"{gateway.url}{self.path}", content=body, headers=passed)
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_):
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join()


def test_a_busy_gateway_is_asked_again_when_it_said_and_under_the_same_name(gateway, monkeypatch):
    waited = []
    monkeypatch.setattr(module, "sleep", waited.append)
    busy = [(429, {"Retry-After": "7"}), (503, {})]
    with busy_before(gateway, busy) as (url, seen), Client(url, gateway.key) as client:
        assert client.decide("plain1").action == "allow"
    assert waited == [7.0, 1.0]
    assert len(seen) == 3
    assert len(set(seen)) == 1  # a request that is sent again is not decided again


def test_one_that_stays_busy_is_told(gateway, monkeypatch):
    monkeypatch.setattr(module, "sleep", lambda _: None)
    busy = [(503, {})] * module.TRIES
    with (
        busy_before(gateway, busy) as (url, _),
        Client(url, gateway.key) as client,
        pytest.raises(GatewayError, match="answered 503"),
    ):
        client.decide("plain1")


def test_what_is_said_of_keys_names_scopes_that_there_are():
    assert {word for word in MAKE_A_KEY.split() if word in set(Scope)} == {"decide", "read"}
