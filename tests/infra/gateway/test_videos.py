"""Videos at the gateway: sent along or named by a key, watched by models that do, refused with a reason."""

import base64

import pytest
from gateway_server import in_thread, until
from tiny_model import make_champion

from infra.settings import Settings
from tests.support.made_up_snapshot import film

RED, BLUE = film(["red"] * 4), film(["blue"] * 4)


def sent(video):
    return base64.b64encode(video).decode()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    home = tmp_path_factory.mktemp("watching")
    settings = Settings(home=home / "home", gateway_video_uri=str(home / "store"), _env_file=None)
    make_champion(settings, watches=True)
    (home / "store" / "clips").mkdir(parents=True)
    (home / "store" / "clips" / "red.mp4").write_bytes(RED)
    (home / "secret.mp4").write_bytes(BLUE)
    (home / "store" / "link.mp4").symlink_to(home / "secret.mp4")
    with in_thread(settings) as served:
        yield served


@pytest.fixture
def ask(gateway):
    with gateway.client() as client:
        yield lambda **post: client.post("/v1/decisions", json={"post_id": "p", **post})


def test_a_video_alone_is_decided_by_what_it_shows(ask):
    scores = [
        ask(video=sent(video)).json()["decisions"][0]["scores"]["graphic_content"] for video in (RED, BLUE)
    ]
    assert scores[0] > scores[1]


def test_a_video_under_a_key_is_the_same_as_one_sent_along(ask):
    (stored,) = ask(video_key="clips/red.mp4").json()["decisions"]
    (along,) = ask(video=sent(RED)).json()["decisions"]
    assert stored["scores"] == along["scores"]


def test_a_decision_on_a_video_reaches_the_lake(gateway):
    with gateway.client() as client:
        client.post("/v1/decisions", json={"post_id": "kept", "video": sent(RED)})
    until(lambda: gateway.rows("post_id = 'kept'") != [])
    assert gateway.rows("post_id = 'kept'")[0]["error"] is None


@pytest.mark.parametrize(
    ("post", "status", "code", "says"),
    [
        ({"video": sent(b"no video at all")}, 400, "invalid_video", "cannot be read: no video"),
        ({"video": sent(RED[:500])}, 400, "invalid_video", "cannot be read"),
        ({"video_key": "clips/none.mp4"}, 404, "not_found", "no video under the key"),
        ({"video_key": "clips"}, 404, "not_found", "no video under the key"),
        ({"video_key": "../secret.mp4"}, 400, "invalid_key", "may not lead out"),
        ({"video_key": "/etc/hostname"}, 400, "invalid_key", "may not lead out"),
        ({"video_key": "link.mp4"}, 404, "not_found", "no video under the key"),
        ({"video_key": "a", "video": sent(RED)}, 400, "invalid_value", "one video"),
        ({}, 400, "invalid_value", "needs text, an image or a video"),
    ],
)
def test_what_cannot_be_watched_says_why(ask, post, status, code, says):
    answer = ask(**post)
    assert answer.status_code == status, answer.text
    assert says in answer.text
    assert answer.json()["error"]["code"] == code


def test_a_gateway_without_a_store_takes_no_keys(gateway, tmp_path):
    settings = gateway.settings.model_copy(update={"gateway_video_uri": ""})
    with in_thread(settings) as served, served.client() as client:
        answer = client.post("/v1/decisions", json={"post_id": "p", "video_key": "clips/red.mp4"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "no_video_store")


@pytest.mark.slow
@pytest.mark.s3
def test_a_key_may_lie_on_s3(s3_server, tmp_path):
    plain = s3_server.settings(tmp_path / "home")
    bucket = s3_server.bucket(plain)
    bucket.write("videos/clips/red.mp4", RED)
    settings = plain.model_copy(update={"gateway_video_uri": f"s3://{bucket.bucket}/videos"})
    make_champion(settings, watches=True)
    with in_thread(settings) as served, served.client() as client:
        (stored,) = client.post("/v1/decisions", json={"post_id": "p", "video_key": "clips/red.mp4"}).json()[
            "decisions"
        ]
        (along,) = client.post("/v1/decisions", json={"post_id": "p", "video": sent(RED)}).json()["decisions"]
        assert stored["scores"] == along["scores"]
        assert client.post("/v1/decisions", json={"post_id": "p", "video_key": "none"}).status_code == 404
