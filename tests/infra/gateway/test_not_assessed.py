"""Policies that nobody judged a post for: no score, no category, no say, and that is said."""

import json

import openai
import pyarrow.parquet as pq
import pytest
from gateway_server import in_thread, until
from tiny_model import POLICIES, make_champion

from infra.lake import open_lake
from infra.registry import Registry
from infra.settings import Settings
from infra.watch import live_view, reference_view
from models.bundle.bundle import Bundle
from models.domain.content import Action
from models.domain.policy import OPENAI_CATEGORIES
from tasks.scoring.score import score

UNJUDGED = ("minor_safety", "hate_speech", "profanity")
JUDGED = tuple(policy for policy in POLICIES if policy not in UNJUDGED)
MISSING = {"sexual/minors", "hate", "hate/threatening"}  # no other policy maps to these


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """A home whose champion learned from posts that nobody judged some policies for."""
    found = Settings(home=tmp_path_factory.mktemp("unjudged") / "home", _env_file=None)
    make_champion(found, unjudged=UNJUDGED)
    return found


@pytest.fixture(scope="module")
def bundle(settings):
    registry = Registry(settings)
    return Bundle.load(registry.fetch(registry.champion()), threads=1)


@pytest.fixture(scope="module")
def gateway(settings):
    with in_thread(settings) as served:
        yield served


def test_a_decision_scores_what_was_judged_and_names_the_rest(gateway):
    (said,) = gateway.decide("one", text="hate_speech minor_safety plain1")
    assert set(said["scores"]) == set(JUDGED)
    assert set(said["not_assessed"]) == set(UNJUDGED)
    assert said["action"] == "allow"
    (again,) = gateway.decide("two", text="violence plain1")
    assert again["action"] != "allow"
    with gateway.client() as client:  # and so does the journal or the lake, later
        kept = client.get(f"/v1/decisions/{again['decision_id']}").json()
    assert kept == again


def test_openais_client_gets_no_category_that_nobody_judged(gateway):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key) as client:
        (result,) = client.moderations.create(input="violence plain1").results
    told = result.to_dict()
    assert set(told["categories"]) == set(OPENAI_CATEGORIES) - MISSING
    assert set(told["category_scores"]) == set(told["categories"])
    assert set(told["category_applied_input_types"]) == set(told["categories"])
    assert set(told["not_assessed"]) == MISSING
    assert result.flagged
    assert result.categories.violence


def test_what_nobody_judged_takes_nobodys_time(bundle):
    review = {
        point.policy: point
        for point in bundle.operating_points.of("default")
        if point.action is Action.REVIEW
    }
    assert all(review[policy].threshold is None for policy in UNJUDGED)
    assert {review[policy].note for policy in UNJUDGED} == {"nobody judged a post for it: it is not assessed"}
    assert any(review[policy].threshold is not None for policy in JUDGED)


def test_the_lake_keeps_it_and_the_watch_looks_at_what_was_judged(gateway, settings, bundle):
    gateway.decide("three")
    lake = open_lake(settings)
    until(lambda: lake.decisions.exists() and lake.decisions.open().count_rows() > 0)
    rows = lake.decisions.open().to_table(columns=["scores", "not_assessed"]).to_pylist()
    assert {score["policy"] for row in rows for score in row["scores"]} == set(JUDGED)
    assert {policy for row in rows for policy in row["not_assessed"]} == set(UNJUDGED)
    uri = lake.snapshot("snapshot-0")
    assert reference_view(bundle, uri, {}).policies == JUDGED
    assert live_view(lake, bundle.assessed, 1, *_ever()).policies == JUDGED


def _ever():
    from datetime import UTC, datetime

    return datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def test_a_score_file_has_an_empty_cell(settings, tmp_path):
    source = tmp_path / "posts.jsonl"
    source.write_text(json.dumps({"post_id": "p", "text": "hate_speech violence"}) + "\n")
    score.fn(settings, source, tmp_path / "scores.parquet", "champion")
    (row,) = pq.read_table(tmp_path / "scores.parquet").to_pylist()
    assert all(row[policy] is None for policy in UNJUDGED)
    assert row["violence"] > 0.5
