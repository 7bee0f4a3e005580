import json

import pytest
from gateway_server import in_thread, until
from tiny_model import make_candidate

from infra.registry import Registry
from tasks.release.evaluate import evaluate
from tasks.release.register import register


@pytest.fixture
def served(home):
    """A gateway whose champion fails on every text that holds the word `breaks`."""
    candidate = make_candidate(home, seed=3)
    path = candidate.folder / "model" / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["model"]["vocab"]["breaks"] = 999  # the model has no such row
    path.write_text(json.dumps(tokenizer))
    release = register.fn(home, candidate, evaluate.fn(home, candidate, None))
    Registry(home).promote(release.version)
    with in_thread(home) as served:
        yield served


def test_a_post_that_the_model_fails_on_is_recorded_and_answered_with_an_error(served):
    with served.client() as client:
        answer = client.post("/v1/decisions", json={"post_id": "poison", "text": "it breaks"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_failed")
    until(lambda: served.rows() != [])
    (row,) = served.rows()
    assert (row["post_id"], row["action"], row["scores"]) == ("poison", None, [])
    assert "breaks" not in row["error"]
    assert row["decision_id"] in answer.json()["error"]["message"]


def test_it_costs_the_other_posts_of_its_batch_nothing(served):
    posts = [{"post_id": str(n), "text": "it breaks" if n == 7 else "violence"} for n in range(20)]
    with served.client() as client:
        assert client.post("/v1/decisions", json={"posts": posts}).status_code == 503
    until(lambda: len(served.rows()) == 20)
    assert [row["post_id"] for row in served.rows("error IS NOT NULL")] == ["7"]
