"""A request that is sent again with its Idempotency-Key is decided once, and its decisions are its key's alone."""

import threading
import time
import uuid

import pytest
from gateway_server import Served, in_thread, new_key, until

from infra.gateway import Scope
from infra.gateway.api import answers, decisions
from infra.gateway.identity import derived_id, request_id, secret_id


@pytest.fixture
def client(gateway):
    with gateway.client() as client:
        yield client


def ask(client, key, *names, path="/v1/decisions", text="violence violence"):
    body = {"posts": [{"post_id": name, "text": text} for name in names]}
    if path == "/v1/moderations":
        body = {"input": [text] * len(names)}
    return client.post(path, json=body, headers={"Idempotency-Key": key})


@pytest.mark.parametrize("path", ["/v1/decisions", "/v1/moderations"])
def test_the_same_again_has_the_same_answer_and_is_decided_once(gateway, client, path):
    key, name = str(uuid.uuid4()), uuid.uuid4().hex
    first, again = (ask(client, key, name, f"{name}/1", path=path) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    if path == "/v1/decisions":
        ids = [decision["decision_id"] for decision in first.json()["decisions"]]
        assert len(set(ids)) == 2
        until(lambda: len(gateway.rows(f"post_id = '{name}'")) >= 1)
        assert [row["decision_id"] for row in gateway.rows(f"post_id = '{name}'")] == ids[:1]


def test_another_body_with_the_same_key_is_refused(client):
    key = str(uuid.uuid4())
    ask(client, key, "a")
    answer = ask(client, key, "b")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "idempotency_key_reused")


def test_one_keys_names_are_not_anothers(gateway, client):
    key = str(uuid.uuid4())
    mine = ask(client, key, "a").json()
    with Served(gateway.settings, gateway.url, new_key(gateway.settings)).client() as other:
        theirs = ask(other, key, "a").json()
    assert mine["decisions"][0]["decision_id"] != theirs["decisions"][0]["decision_id"]


def test_the_same_at_once_waits_for_the_first(gateway, monkeypatch):
    count, slow = [], decisions._content

    def slowly(*arguments):
        count.append(1)
        time.sleep(0.3)
        return slow(*arguments)

    monkeypatch.setattr(decisions, "_content", slowly)
    key, found = str(uuid.uuid4()), []

    def once():
        with gateway.client() as client:
            found.append(ask(client, key, "at-once"))

    threads = [threading.Thread(target=once) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in found} == {200}
    assert len({answer.content for answer in found}) == 1
    assert len(count) == 1


def test_who_was_refused_may_send_the_same_again(client):
    key = str(uuid.uuid4())
    video = {"post_id": "p", "video": "AAAA"}
    for _ in range(2):
        answer = client.post("/v1/decisions", json=video, headers={"Idempotency-Key": key})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unsupported_modality")


@pytest.mark.parametrize("key", ["", "k" * 256, "a\tb"])
def test_a_key_that_is_none_is_refused(client, key):
    answer = ask(client, key, "p")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "idempotency-key")


def test_an_answer_outlives_the_process_that_gave_it(home):
    key = str(uuid.uuid4())
    with in_thread(home) as served, served.client() as client:
        first = ask(client, key, "p")
        owner = served.key
    with in_thread(home) as served, Served(home, served.url, owner).client() as client:
        again = ask(client, key, "p")
    assert again.content == first.content
    path = home.home / "answers.db"
    assert path.stat().st_mode & 0o777 == 0o600
    assert key.encode() not in path.read_bytes()


def test_answers_are_forgotten_in_time(home, monkeypatch):
    monkeypatch.setattr(answers, "KEPT_SECONDS", 0.0)
    with in_thread(home) as served, served.client() as client:
        key = str(uuid.uuid4())
        assert [ask(client, key, "p").status_code for _ in range(2)] == [200, 200]
        assert "idempotent-replayed" not in ask(client, key, "p").headers


def test_a_keys_oldest_answers_go_where_it_has_too_many(home, monkeypatch):
    monkeypatch.setattr(answers, "A_KEY_BYTES", 10_000)
    monkeypatch.setattr(answers, "TIDY_EVERY", 1)
    with in_thread(home) as served, served.client() as client:
        keys = [str(uuid.uuid4()) for _ in range(40)]
        for key in keys:
            ask(client, key, "p")
        replayed = ["idempotent-replayed" in ask(client, key, "p").headers for key in (keys[-1], keys[0])]
    assert replayed == [True, False]


def test_a_decision_is_read_by_the_key_that_asked_for_it_or_an_admins(gateway, client):
    (decision,) = gateway.decide("owned")
    address = f"/v1/decisions/{decision['decision_id']}"
    stranger, admin = new_key(gateway.settings), new_key(gateway.settings, Scope.ADMIN)

    def told(key):
        with Served(gateway.settings, gateway.url, key).client() as other:
            return other.get(address)

    for _ in range(2):  # from the journal, and from the lake
        assert client.get(address).status_code == 200
        assert told(admin).json() == decision
        refused, unknown = told(stranger), client.get(f"/v1/decisions/{'0' * 32}")
        assert refused.status_code == unknown.status_code == 404
        assert refused.json()["error"]["code"] == unknown.json()["error"]["code"] == "not_found"
        until(lambda: gateway.rows("post_id = 'owned'") != [])
    (row,) = gateway.rows("post_id = 'owned'")
    assert row["key_id"] == gateway.key.split("_")[1]
    assert gateway.key.rsplit("_", 1)[1] not in str(row)


def test_the_ids_of_decisions_cannot_be_worked_out_from_those_of_requests(monkeypatch):
    monkeypatch.setattr("random.getrandbits", lambda _: 7)
    assert request_id() == request_id()
    assert len({secret_id() for _ in range(1000)}) == 1000
    assert derived_id("s", "a", "bc") != derived_id("s", "ab", "c")
    assert derived_id("s", "a") != derived_id("t", "a")
