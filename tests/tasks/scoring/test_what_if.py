"""What other objectives would change, on a real champion: on its live decisions, or its snapshot."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from tiny_model import POLICIES, make_champion

from flows.cli.policies import diff, policies, try_
from flows.what_if import Question
from flows.what_if import what_if as ask
from infra.lake import open_lake
from models.domain.content import Action
from models.domain.errors import UserError
from models.domain.policy_changes import changed
from models.domain.schemas import DECISIONS
from models.evaluation.what_if import ALL, ANY
from models.policies import POLICY_SETS
from tasks.scoring.what_if import NothingScoredError, markdown, try_objectives

SET = POLICY_SETS["community_guidelines"]
STRICT = changed(
    SET,
    [f"{market}.{action}=0.999" for market in SET.objectives for action in ("limit", "age_gate", "remove")],
)


@pytest.fixture
def champion(settings):
    return make_champion(settings)


def shares(tried, market=ALL, subject=ANY):
    return {it.action: it for it in tried.found.changes if (it.market, it.subject) == (market, subject)}


def test_without_live_posts_the_judged_ones_are_decided_and_that_is_said(settings, champion):
    tried = try_objectives(settings, SET)
    assert tried.version == champion.version
    assert tried.traffic == "1,200 judged posts of its snapshot, for it decided 0 live so far"
    assert tried.found.changed == 0
    assert tried.notes == ()
    assert shares(tried)[Action.LIMIT].now > 0


def test_objectives_that_ask_for_certainty_leave_all_to_people(settings, champion):
    tried = try_objectives(settings, STRICT)
    assert shares(tried)[Action.LIMIT].then == 0
    assert shares(tried)[Action.ALLOW].then > shares(tried)[Action.ALLOW].now
    assert "| all markets | any policy | limit |" in markdown(tried)


def test_what_a_version_scored_is_kept_so_that_the_next_question_takes_no_model(
    settings, champion, monkeypatch
):
    first = try_objectives(settings, SET)
    monkeypatch.setattr("tasks.scoring.what_if.score_splits", None)
    assert try_objectives(settings, SET) == first


def decisions(lake, version, count, **fields):
    start = datetime(2026, 11, 1, tzinfo=UTC)
    row = {
        "model_version": str(version), "role": "champion", "latency_ms": 1.0, "reasons": [], "action": "allow",
        "scores": [{"policy": policy, "score": 0.99 if policy == "profanity" else 0.01} for policy in POLICIES],
    }  # fmt: skip
    rows = [
        row
        | {
            "decision_id": f"{i:032x}",
            "post_id": f"live-{i}",
            "market": "FR",
            "decided_at": start + timedelta(seconds=i),
        }
        | fields
        for i in range(count)
    ]
    lake.decisions.append(pa.Table.from_pylist(rows, schema=DECISIONS).to_batches())


def test_live_posts_are_decided_where_there_are_enough(settings, lake, champion):
    decisions(lake, champion.version, 1500)
    decisions(lake, champion.version, 500, role="shadow", decision_id="s", post_id="s")
    decisions(lake, champion.version + 1, 500, decision_id="o", post_id="o")
    tried = try_objectives(settings, STRICT)
    assert tried.traffic == "1,500 posts that it decided live, 2026-11-01 00:00 to 2026-11-01 00:24 UTC"
    assert tried.found.posts == 1500
    assert {it.market for it in tried.found.changes} == {ALL, "FR"}


def test_a_set_that_shares_no_policy_with_the_version_is_said(settings, champion):
    others = SET.model_copy(
        update={"name": "others", "policies": (SET.policies[0].model_copy(update={"key": "noise"}),)}
    )
    with pytest.raises(
        NothingScoredError, match="has no score for any policy of 'others'; it learned hate_speech"
    ):
        try_objectives(settings, others)


def test_scores_that_the_run_logged_need_no_snapshot(settings, lake, champion):
    before = try_objectives(settings, SET)
    shutil.rmtree(lake.snapshot("snapshot-0"))
    shutil.rmtree(settings.work / "what-if")
    assert try_objectives(settings, SET) == before


def test_a_version_without_logged_scores_whose_snapshot_is_gone_is_said(
    settings, lake, champion, monkeypatch
):
    shutil.rmtree(lake.snapshot("snapshot-0"))
    monkeypatch.setattr("tasks.scoring.what_if.NAME", "a release of before logged none")
    with pytest.raises(NothingScoredError, match="its snapshot snapshot-0 is not in the lake"):
        try_objectives(settings, SET)


def test_the_command_prints_a_table_and_changes_nothing(settings, champion, capsys):
    try_(change=("US.limit=0.999",), json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["version"] == champion.version
    assert {it["market"] for it in found["found"]["changes"] if it["gained"] + it["lost"]} == {ALL, "US"}
    try_()
    printed = capsys.readouterr().out
    assert "another action on 0.0 of a thousand posts; nothing was changed or stored" in printed
    assert not open_lake(settings).decisions.exists()


def test_a_champions_own_set_is_compared_with_a_file(champion, tmp_path, capsys):
    diff("champion", "community_guidelines")
    assert capsys.readouterr().out.strip() == "they say the same"


def test_a_version_that_is_not_there_lists_those_that_are(champion):
    with pytest.raises(UserError, match="choose one of: 1"):
        try_(on="7")
    assert policies.name == ("policies",)


@pytest.mark.usefixtures("prefect_server")
def test_the_form_answers_with_a_table_on_the_runs_page(settings, champion):
    tried = ask(Question(changes=("US.limit=0.999",)))
    assert tried.version == champion.version
    with get_client(sync_client=True) as client:
        (table,) = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["what-if"]))
        )
    assert "Of a thousand posts, by market" in table.data


@pytest.mark.usefixtures("prefect_server")
def test_a_change_that_cannot_be_fails_the_run_in_a_sentence(settings, champion):
    with pytest.raises(Exception, match=r"write MARKET\.FIELD=VALUE, as in DE\.remove=0\.98"):
        ask(Question(changes=("stricter",)))
