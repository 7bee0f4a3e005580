import base64
import io
import json
import zlib

import pytest
from PIL import Image

DEEP = "[" * 5000 + "]" * 5000


@pytest.fixture
def client(gateway):
    with gateway.client() as client:
        yield client


def post(text):
    return json.dumps({"post_id": "p", "text": text}).encode()


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("moderations", b"", 400, "invalid_json"),
        ("moderations", b"{", 400, "invalid_json"),
        ("moderations", b"\xff\xfe\x00", 400, "invalid_json"),
        ("moderations", b"[]", 400, "invalid_value"),
        ("moderations", b"null", 400, "invalid_value"),
        ("moderations", b"{}", 400, "invalid_value"),
        ("moderations", b'{"input": 3}', 400, "invalid_value"),
        ("moderations", b'{"input": NaN}', 400, "invalid_value"),
        ("moderations", b'{"input": ""}', 400, "invalid_value"),
        ("moderations", b'{"input": []}', 400, "invalid_value"),
        ("moderations", b'{"input": ["a", 3]}', 400, "invalid_value"),
        ("moderations", b'{"input": ["a", {"type": "text", "text": "b"}]}', 400, "invalid_value"),
        ("moderations", b'{"input": [{"type": "audio"}]}', 400, "invalid_value"),
        ("moderations", b'{"input": "\\ud800"}', 400, "invalid_json"),
        ("moderations", b'{"input": ' + DEEP.encode() + b"}", 400, "invalid_json"),
        ("moderations", json.dumps({"input": "a" * 50_001}).encode(), 422, "too_large"),
        ("moderations", json.dumps({"input": ["a"] * 257}).encode(), 422, "too_large"),
        ("decisions", post(None), 400, "invalid_value"),
        ("decisions", post("a" * 10_000_000), 422, "too_large"),
        ("decisions", b'{"post_id": "p", "text": "a", "views": NaN}', 400, "invalid_value"),
        ("decisions", b'{"post_id": "p", "text": "a", "views": 1e999}', 400, "invalid_value"),
        ("decisions", b'{"post_id": "p", "text": "a", "market": "Germany"}', 400, "invalid_value"),
        ("decisions", b'{"post_id": "p", "text": "a", "misspelt": 1}', 400, "invalid_value"),
        ("decisions", b'{"post_id": "p", "image": "%%%"}', 400, "invalid_image"),
        ("decisions", b'{"posts": []}', 400, "invalid_value"),
        ("decisions", b'{"posts": [[]]}', 400, "invalid_value"),
    ],
)
def test_bad_bodies_are_refused_in_openais_shape(client, path, body, status, code):
    answer = client.post(f"/v1/{path}", content=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), error
    assert set(error) == {"message", "type", "param", "code"}


def test_an_error_names_the_place_and_never_the_content(client):
    posts = [{"post_id": "a", "text": "fine"}, {"post_id": "b", "text": "private words", "views": "many"}]
    error = client.post("/v1/decisions", json={"posts": posts}).json()["error"]
    assert error["param"] == "posts.posts.1.views"
    assert "private" not in error["message"]
    assert "many" not in error["message"]


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def bomb():
    """A PNG of 60,000 by 60,000 pixels in a few kilobytes, whose header alone is true."""

    def chunk(name, data):
        return len(data).to_bytes(4) + name + data + zlib.crc32(name + data).to_bytes(4)

    header = (60_000).to_bytes(4) + (60_000).to_bytes(4) + bytes([8, 2, 0, 0, 0])
    pixels = chunk(b"IDAT", zlib.compress(bytes(1_000_000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def truncated():
    return encoded(Image.effect_noise((64, 64), 50), "PNG")[:1500]


@pytest.mark.parametrize(
    ("image", "kind", "status", "message"),
    [
        (bomb, "png", 422, "pixels"),
        (lambda: b"GIF89a", "gif", 400, "broken before it says its size"),
        (lambda: b"<svg/>", "svg+xml", 400, "SVG is not read"),
        (lambda: b"nothing", "png", 400, "no picture of a known kind"),
        (truncated, "png", 400, "cannot be read"),
        (lambda: b"", "png", 400, "no bytes"),
    ],
)
def test_images_that_must_not_be_opened_are_refused(client, image, kind, status, message):
    url = f"data:image/{kind};base64,{base64.b64encode(image()).decode()}"
    body = {"input": [{"type": "image_url", "image_url": {"url": url}}]}
    answer = client.post("/v1/moderations", json=body)
    assert answer.status_code == status
    assert message in answer.json()["error"]["message"]


def test_an_animation_of_ten_thousand_frames_is_its_first_one(client):
    still = encoded(Image.new("L", (8, 8), 200), "GIF")
    frame = still[still.rindex(b",\0\0\0\0") : -1]
    animation = still[:-1] + frame * 9_999 + b";"
    with Image.open(io.BytesIO(animation)) as opened:
        assert opened.n_frames == 10_000
    first, all_of_it = (
        client.post("/v1/decisions", json={"post_id": "gif", "image": base64.b64encode(image).decode()})
        for image in (still, animation)
    )
    assert all_of_it.status_code == 200
    assert all_of_it.json()["decisions"][0]["scores"] == first.json()["decisions"][0]["scores"]


@pytest.mark.parametrize(
    "url", ["data:image/png,raw", "data:text/plain;base64,aGk=", "ftp://a/b", "https://", "", "data:"]
)
def test_addresses_that_are_none_are_refused(client, url):
    body = {"input": [{"type": "image_url", "image_url": {"url": url}}]}
    assert client.post("/v1/moderations", json=body).status_code == 400


def test_a_name_that_is_too_long_is_refused(client):
    answer = client.post("/v1/moderations", json={"input": "a"}, headers={"X-Post-Id": "n" * 300})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "x-post-id")


def test_another_method_says_so(client):
    answer = client.put("/v1/moderations", json={"input": "a"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
