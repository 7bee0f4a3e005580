"""A queue's export: judgements of posts that came before, corrections and withdrawals."""

import json

import lance
import pytest
from ingested import rows, versions

from infra.ingest.summary import nothing_stored
from infra.ingest.tables.mapping import spoken

HEAD = "post_id,policy,violates,moderator_id,decided_at,withdrawn\n"


def said(lake):
    columns = ("post_id", "policy", "moderator_id", "violates", "withdrawn")
    return {tuple(row[name] for name in columns) for row in rows(lake.judgements)}


def test_judgements_come_without_their_posts_and_wait_for_them(bring, lake):
    bring("jsonl", "posts.jsonl", '{"post_id": "p1", "text": "a kettle"}\n')
    queue = HEAD + "p1,profanity,no,m1,2026-03-02T10:00:00Z,\np9,Hate speech,yes,m1,2026-03-02T10:00:00Z,\n"
    summary = bring("judgements", "queue.csv", queue)
    assert (summary.posts.inserted, summary.judgements.inserted) == (0, 2)
    assert summary.noticed.by_kind["judged_post_not_in_lake"] == 1
    assert "p9" in summary.noticed.examples["judged_post_not_in_lake"][0]
    assert said(lake) == {("p1", "profanity", "m1", False, None), ("p9", "hate_speech", "m1", True, None)}
    assert {row["source"] for row in rows(lake.judgements)} == {"moderator"}
    before = versions(lake)
    assert bring("judgements", "queue.csv", queue).judgements.unchanged == 2
    assert versions(lake) == before


def test_a_persons_later_judgement_corrects_and_an_earlier_one_that_comes_late_does_not(bring, lake):
    queue = HEAD + "p1,profanity,no,m1,2026-03-02T10:00:00Z,\np1,profanity,yes,m1,2026-03-02T11:00:00Z,\n"
    assert bring("judgements", "a.csv", queue).judgements.inserted == 1
    assert said(lake) == {("p1", "profanity", "m1", True, None)}
    late = HEAD + "p1,profanity,no,m1,2026-03-01T10:00:00Z,\n"
    assert bring("judgements", "late.csv", late).judgements.unchanged == 1
    assert said(lake) == {("p1", "profanity", "m1", True, None)}
    corrected = HEAD + "p1,profanity,no,m1,2026-03-03T10:00:00Z,\n"
    assert bring("judgements", "next.csv", corrected).judgements.updated == 1
    assert said(lake) == {("p1", "profanity", "m1", False, None)}


def test_two_verdicts_of_one_person_at_one_time_are_refused_and_not_guessed(bring):
    queue = HEAD + "p1,profanity,no,m1,,\np1,profanity,yes,m1,,\np2,profanity,no,m1,,\np2,profanity,no,m1,,\n"
    summary = bring("judgements", "a.csv", queue)
    assert summary.rejects.by_reason == {"conflicting_duplicate": 1}
    assert summary.judgements.inserted == 2


def test_a_withdrawn_judgement_stays_in_the_lake_and_says_nothing(bring, lake):
    bring("judgements", "a.csv", HEAD + "p1,profanity,yes,m1,2026-03-02T10:00:00Z,\n")
    gone = HEAD + "p1,profanity,yes,m1,2026-03-02T12:00:00Z,yes\n"
    assert bring("judgements", "b.csv", gone).judgements.updated == 1
    assert said(lake) == {("p1", "profanity", "m1", True, True)}


def test_a_list_of_judgements_is_as_good_as_a_row_each(bring, lake):
    listed = {"post_id": "p1", "judgements": [
        {"policy": "profanity", "violates": True, "moderator_id": "m1", "decided_at": "2026-03-02T10:00:00Z"},
        {"policy": "profanity", "violates": "no", "moderator_id": 7},
    ]}  # fmt: skip
    assert bring("judgements", "a.jsonl", json.dumps(listed) + "\n").judgements.inserted == 2
    assert said(lake) == {("p1", "profanity", "m1", True, None), ("p1", "profanity", "7", False, None)}


def test_a_queue_with_columns_of_its_own_is_mapped(bring, lake):
    queue = "Item;Rule;Outcome;Reviewer\np1;Profanity;violating;anna\n"
    given = spoken(["post_id=Item,policy=Rule,violates=Outcome,moderator_id=Reviewer"])
    assert bring("judgements", "queue.csv", queue, columns=given).judgements.inserted == 1
    assert said(lake) == {("p1", "profanity", "anna", True, None)}


@pytest.mark.parametrize(
    "line", ["p1,no_such_policy,yes,m1,,", "p1,profanity,maybe,m1,,", ",profanity,yes,m1,,"]
)
def test_what_all_judgements_were_refused_for_is_in_the_last_line(bring, line):
    error = nothing_stored(bring("judgements", "a.csv", HEAD + line + "\n"))
    assert error is not None
    assert "nothing was stored: all rows of" in str(error)


def test_a_lake_of_a_release_without_votes_and_withdrawals_takes_them(bring, lake):
    post = '{"post_id": "p1", "text": "a kettle", "labels": {"profanity": false}}\n'
    bring("jsonl", "posts.jsonl", post)
    held = lake.judgements.open()
    old = held.to_table().drop_columns(["votes", "violating", "withdrawn"])
    options = lake.judgements.storage_options or None
    lance.write_dataset(old, lake.judgements.uri, mode="overwrite", storage_options=options)
    assert bring("jsonl", "posts.jsonl", post, dry_run=True).judgements.unchanged == 1
    gone = HEAD + "p1,profanity,yes,m1,2026-03-02T12:00:00Z,yes\n"
    assert bring("judgements", "b.csv", gone).judgements.inserted == 1
    assert said(lake) == {("p1", "profanity", "", False, None), ("p1", "profanity", "m1", True, True)}
