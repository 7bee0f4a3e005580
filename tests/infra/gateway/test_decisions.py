import base64

import orjson
import pytest
from gateway_server import Served, new_key, until
from tiny_model import POLICIES, picture

from infra.gateway import Scope
from infra.gateway.journal.journal_export import records
from infra.lake import open_lake
from models.policies import POLICY_SETS

OLDER_ROW = {
    "decision_id": "a" * 32, "post_id": "older", "market": "ZZ", "model_version": "1", "role": "champion",
    "scores": [{"policy": "violence", "score": 0.5}], "action": "allow", "reasons": [], "latency_ms": 1.5,
    "decided_at": "2026-11-21T13:00:00.123456Z",
}  # fmt: skip


@pytest.fixture
def client(gateway):
    with gateway.client() as client:
        yield client


def test_a_decision_says_what_is_done_and_why(gateway):
    (decision,) = gateway.decide("why", text="violence violence")
    assert decision["post_id"] == "why"
    assert (decision["model_version"], decision["role"]) == ("1", "champion")
    assert set(decision["scores"]) == set(POLICIES)
    (reason,) = decision["reasons"]
    assert reason["policy"] == "violence"
    assert reason["score"] >= reason["threshold"]
    assert decision["action"] == reason["action"] != "allow"
    assert decision["policy_digest"] == POLICY_SETS["community_guidelines"].digest


def test_a_batch_is_answered_in_its_order(gateway):
    names = [f"batch-{number}" for number in range(256)]
    assert [decision["post_id"] for decision in gateway.decide(*names)] == names


def test_the_thresholds_are_those_of_the_posts_market(client):
    posts = [{"post_id": market, "text": "violence violence", "market": market} for market in ("DE", "FR")]
    german, french = client.post("/v1/decisions", json={"posts": posts}).json()["decisions"]
    assert (german["market"], german["reasons"][0]["market"]) == ("DE", "DE")
    assert (french["market"], french["reasons"][0]["market"]) == ("FR", "default")


def test_an_image_comes_as_base64(client):
    image = base64.b64encode(picture(250)).decode()
    answer = client.post("/v1/decisions", json={"post_id": "picture", "image": image})
    assert answer.status_code == 200
    assert answer.json()["decisions"][0]["scores"]["graphic_content"] > 0.05


def test_a_decision_can_be_asked_for_again_before_and_after_it_is_in_the_lake(gateway, client):
    (decision,) = gateway.decide("again", text="violence violence")
    address = f"/v1/decisions/{decision['decision_id']}"
    assert client.get(address).json() == decision
    until(lambda: gateway.rows("post_id = 'again'") != [])
    assert client.get(address).json() == decision


def test_a_row_of_the_lake_explains_the_decision(gateway):
    (decision,) = gateway.decide("explained", text="violence violence")
    until(lambda: gateway.rows("post_id = 'explained'") != [])
    (row,) = gateway.rows("post_id = 'explained'")
    assert row["decision_id"] == decision["decision_id"]
    assert {score["policy"]: score["score"] for score in row["scores"]} == decision["scores"]
    assert row["reasons"] == decision["reasons"]
    assert (row["rollout"], row["stage"], row["shadow_of"], row["error"]) == (None, None, None, None)


def test_an_unknown_decision_is_not_found(client):
    for name in ("0" * 32, "nonsense", "' OR true --"):
        answer = client.get(f"/v1/decisions/{name}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_post_of_video_alone_is_not_decided(client):
    video = base64.b64encode(b"moving").decode()
    answer = client.post("/v1/decisions", json={"post_id": "video", "video": video})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unsupported_modality")


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [(Scope.READ, "POST", "/v1/decisions"), (Scope.DECIDE, "GET", f"/v1/decisions/{'0' * 32}")],
)
def test_a_key_opens_only_what_its_scope_names(gateway, scope, method, path):
    with Served(gateway.settings, gateway.url, new_key(gateway.settings, scope)).client() as client:
        answer = client.request(method, path, json={"post_id": "p", "text": "plain1"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "insufficient_scope")


def test_an_admin_key_opens_everything(gateway):
    admin = Served(gateway.settings, gateway.url, new_key(gateway.settings, Scope.ADMIN))
    (decision,) = admin.decide("by-admin")
    with admin.client() as client:
        assert client.get(f"/v1/decisions/{decision['decision_id']}").status_code == 200


def test_a_decision_says_that_the_model_did_not_watch_the_video(gateway, client):
    post = {"post_id": "unwatched", "text": "plain1", "video": base64.b64encode(b"moving").decode()}
    (decision,) = client.post("/v1/decisions", json=post).json()["decisions"]
    ((part, reason),) = [(item["part"], item["reason"]) for item in decision["unread"]]
    assert (part, reason) == ("video", "not_seen")
    address = f"/v1/decisions/{decision['decision_id']}"
    assert client.get(address).json() == decision
    until(lambda: gateway.rows("post_id = 'unwatched'") != [])
    assert gateway.rows("post_id = 'unwatched'")[0]["unread"] == decision["unread"]
    assert client.get(address).json() == decision


def test_a_decision_on_what_was_read_whole_has_nothing_unread(gateway):
    (decision,) = gateway.decide("whole")
    assert decision["unread"] == []


def test_a_decision_of_before_there_were_such_fields_is_an_admins_and_has_nothing_unread(gateway, client):
    table = open_lake(gateway.settings).decisions
    gateway.decide("now")
    until(table.exists)
    row = records(orjson.dumps(OLDER_ROW))
    assert row["unread"].to_pylist() == [None]
    table.append(row.to_batches())
    address = f"/v1/decisions/{OLDER_ROW['decision_id']}"
    assert client.get(address).status_code == 404
    with Served(gateway.settings, gateway.url, new_key(gateway.settings, Scope.ADMIN)).client() as admin:
        found = admin.get(address).json()
    assert (found["action"], found["unread"]) == ("allow", [])


@pytest.mark.parametrize(
    "text", ["\u200b", " \u00ad\u2060 ", "\ufe0f\ufeff", "\u3164", "\U000e0061\n", "\u2800"]
)
def test_a_post_of_signs_that_draw_nothing_is_empty(client, text):
    answer = client.post("/v1/decisions", json={"post_id": "blank", "text": text})
    assert answer.status_code == 400
    assert "needs text, an image or a video" in answer.text
