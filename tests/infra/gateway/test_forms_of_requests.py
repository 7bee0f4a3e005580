"""What clients of every make send: the same post in another spelling has the same decision."""

import base64
import io
import json
import textwrap
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image
from tiny_model import picture

RED = picture(250)
PLAIN = base64.b64encode(RED).decode()


@pytest.fixture(scope="module")
def client(gateway):
    with gateway.client() as client:
        yield client


def saved(kind, **options):
    out = io.BytesIO()
    Image.open(io.BytesIO(RED)).save(out, kind, **options)
    return base64.b64encode(out.getvalue()).decode()


SPELLINGS = {
    "as OpenAI's client sends it": f"data:image/png;base64,{PLAIN}",
    "a PNG called JPEG": f"data:image/jpeg;base64,{PLAIN}",
    "a kind that is none": f"data:application/octet-stream;base64,{PLAIN}",
    "no kind": f"data:;base64,{PLAIN}",
    "in capitals": f"DATA:IMAGE/PNG;BASE64,{PLAIN}",
    "with a parameter": f"data:image/png;charset=utf-8;base64,{PLAIN}",
    "wrapped at 76": "data:image/png;base64," + "\n".join(textwrap.wrap(PLAIN, 76)),
    "unpadded": "data:image/png;base64," + PLAIN.rstrip("="),
    "URL-safe": "data:image/png;base64," + base64.urlsafe_b64encode(RED).decode(),
    "percent-encoded": "data:image/png;base64," + quote(PLAIN, safe=""),
    "with blanks around": f"  data:image/png;base64, {PLAIN} \n",
    "no base64 at all": "data:image/png," + quote(RED),
}


def scores_of(client, **post):
    answer = client.post("/v1/decisions", json={"post_id": "p", **post})
    assert answer.status_code == 200, answer.text
    return answer.json()["decisions"][0]["scores"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_image_is_the_same_in_every_spelling(client, spelling):
    url = SPELLINGS[spelling]
    bare = client.post("/v1/moderations", json={"input": [{"type": "image_url", "image_url": url}]})
    object_ = client.post(
        "/v1/moderations", json={"input": [{"type": "image_url", "image_url": {"url": url}}]}
    )
    plain = scores_of(client, image=PLAIN)
    assert scores_of(client, image=url) == plain
    for answer in (bare, object_):
        assert answer.status_code == 200, answer.text
        (result,) = answer.json()["results"]
        assert result["category_scores"]["violence/graphic"] == plain["graphic_content"]


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "AVIF", "WEBP", "MPO"])
def test_the_bytes_say_what_an_image_is(client, kind):
    options = {"save_all": True, "append_images": [Image.new("RGB", (8, 8))]} if kind == "MPO" else {}
    scores = scores_of(client, image=f"data:image/png;base64,{saved(kind, **options)}")
    assert scores["graphic_content"] == pytest.approx(
        scores_of(client, image=PLAIN)["graphic_content"], abs=0.02
    )


POST = {"post_id": "p", "text": "violence violence"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"post_id": 1436278513418522630}, {"post_id": "1436278513418522630"}),
        ({"post_id": " p1 "}, {"post_id": "p1"}),
        ({"post_id": "e\u0301"}, {"post_id": "\u00e9"}),
        ({"author_id": 9007199254740993}, {}),
        ({"author_id": ""}, {}),
        ({"market": "de"}, {"market": "DE"}),
        ({"market": "UK"}, {"market": "GB"}),
        ({"market": "uk"}, {"market": "GB"}),
        ({"market": ""}, {"market": "ZZ"}),
        ({"market": None}, {"market": "ZZ"}),
        ({"language": "en_US"}, {}),
        ({"language": "iw"}, {}),
        ({"language": "klingonese"}, {}),
        ({"language": None}, {}),
    ],
)
def test_ids_and_codes_are_folded_as_ingest_folds_them(client, given, kept):
    answer = client.post("/v1/decisions", json=POST | given)
    assert answer.status_code == 200, answer.text
    (decision,) = answer.json()["decisions"]
    assert {name: decision[name] for name in kept} == kept


@pytest.mark.parametrize(
    "given", [True, 1.5, 1e30, "1.43e+18", "", "  ", '{"a": 1}', 2**64, None, "a\u0000b"]
)
def test_what_is_no_id_is_refused_with_a_hint(client, given):
    answer = client.post("/v1/decisions", json=POST | {"post_id": given})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "invalid_value")
    assert error["param"].endswith("post_id")


def test_two_posts_of_one_id_are_decided_each_in_its_place(client):
    posts = [{"post_id": "same", "text": "plain1"}, {"post_id": "same", "text": "violence violence"}]
    first, second = client.post("/v1/decisions", json={"posts": posts}).json()["decisions"]
    assert first["decision_id"] != second["decision_id"]
    assert (first["action"], second["action"] != "allow") == ("allow", True)


@pytest.mark.parametrize("blank", ["", "   ", "\u200b\u200d", "\ufe0f"])
def test_a_text_of_which_nothing_is_seen_does_not_refuse_the_others(client, blank):
    texts = ["violence violence"] * 50 + [blank] + ["plain1"] * 49
    results = client.post("/v1/moderations", json={"input": texts}).json()["results"]
    assert len(results) == 100
    assert [result["flagged"] for result in results] == [True] * 50 + [False] * 50
    assert set(map(tuple, results[50]["category_applied_input_types"].values())) == {()}
    assert set(results[50]["category_scores"].values()) == {0.0}
    assert set(results[50]) == set(results[0])


def test_texts_of_which_none_shows_anything_have_results_too(client):
    answer = client.post("/v1/moderations", json={"input": ["", " "]}).json()
    assert [result["flagged"] for result in answer["results"]] == [False, False]
    assert answer["model"] == "moderato-1"
    parts = [{"type": "text", "text": ""}]
    assert not client.post("/v1/moderations", json={"input": parts}).json()["results"][0]["flagged"]


@pytest.mark.parametrize(
    "said", [{"model": None}, {"model": "openai/omni-moderation-latest"}, {"user": "u1"}, {}]
)
def test_who_is_asked_for_and_what_else_is_said_does_not_matter(client, said):
    answer = client.post(
        "/v1/moderations", json={"input": "violence violence", "metadata": {"k": "v"}, **said}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["results"][0]["flagged"]


def test_a_callers_own_name_has_the_form_of_an_id(client):
    for name, status in (("post-1", 200), ("1.43e+18", 400), ("true", 400)):
        answer = client.post("/v1/moderations", json={"input": "plain1"}, headers={"X-Post-Id": name})
        assert answer.status_code == status, answer.text


KEPT = Path(__file__).parents[4] / "shared" / "inputs" / "gateway"


@pytest.mark.skipif(
    not KEPT.exists(), reason="bodies that clients were seen to send lie beside the project only"
)
@pytest.mark.parametrize("path", sorted(KEPT.glob("*.json")), ids=lambda path: path.stem)
def test_every_body_that_was_seen_is_answered(client, path):
    where = "decisions" if path.stem.startswith("decision") else "moderations"
    answer = client.post(f"/v1/{where}", content=path.read_bytes())
    assert answer.status_code == 200, answer.text
    asked = json.loads(path.read_bytes())
    given = asked.get("posts", asked.get("input"))
    count = len(given) if isinstance(given, list) and not isinstance(given[0], dict) else 1
    answered = answer.json().get("decisions", answer.json().get("results"))
    assert len(answered) == (2 if path.stem == "decision_two_equal_ids" else count)
