"""Rejects are counted, looked at, let go of, and tried again."""

import pytest
from ingested import rows

from infra.ingest.rejected import Among, clear, groups, retry, samples
from infra.ingest.tables.mapping import Map, spoken

BAD = """{"post_id": "p1", "text": ""}
{"post_id": "p2", "text": "a kettle"}
{"post_id": "p3", "text": "a", "market": "Atlantis"}
"""


@pytest.fixture
def refused(bring, settings):
    bring("jsonl", "a.jsonl", BAD)
    return settings


def test_rejects_are_counted_by_reason_with_an_example(refused, lake):
    assert {(group.reason, group.rows) for group in groups(lake, Among())} == {
        ("empty_post", 1), ("unknown_market", 1),
    }  # fmt: skip
    (market,) = samples(lake, Among(reason="unknown_market"), 5)
    assert (market["row"], "Atlantis" in market["detail"]) == (3, True)


def test_only_what_was_named_is_cleared(refused, lake):
    assert clear(lake, Among(reason="it's")) == 0
    assert clear(lake, Among(reason="empty_post")) == 1
    assert [row["reason"] for row in rows(lake.rejects)] == ["unknown_market"]


def test_a_mended_row_is_a_reject_no_longer(refused, lake, bring):
    bring("jsonl", "a.jsonl", BAD.replace('"text": ""', '"text": "a teapot"'))
    assert [row["reason"] for row in rows(lake.rejects)] == ["unknown_market"]


def test_trying_again_reads_a_table_by_the_map_that_it_had(bring, settings, lake):
    given = spoken(["text=Comment,hate_speech=Hate"])
    bring("table", "a.csv", "Comment,Hate\nfirst,yes\nsecond,perhaps\n", columns=given)
    (tried,) = retry(settings, Among(), None)
    assert (tried.before, tried.after) == (1, 1)
    (tried,) = retry(settings, Among(), Map(words={"perhaps": "unknown"}))
    assert (tried.before, tried.after) == (1, 0)
    assert lake.posts.open().count_rows() == 2


def test_a_file_that_is_gone_is_said_so_and_its_rejects_stay(refused, lake, tmp_path):
    (tmp_path / "in" / "a.jsonl").unlink()
    (tried,) = retry(refused, Among(), None)
    assert "there is nothing at" in tried.why
    assert lake.rejects.open().count_rows() == 2
