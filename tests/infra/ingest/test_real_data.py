"""What the real data sets hold, counted from their files."""

import csv
from collections import Counter

import pytest
from ingested import rows

from infra.ingest import ingest
from infra.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(_env_file=None, home=tmp_path / "home")


def test_the_majority_of_annotators_is_the_class_of_the_tweet(settings, lake, shared_data):
    path = shared_data / "davidson.csv"
    summary = ingest(settings, "davidson", str(path))
    with path.open(encoding="utf-8", newline="") as file:
        tweets = list(csv.DictReader(file))
    assert summary.posts.inserted == len(tweets)
    assert summary.rejects.total == 0
    assert summary.judgements.inserted == 2 * sum(int(tweet["count"]) for tweet in tweets)
    votes = Counter()
    for row in rows(lake.judgements, "post_id", "policy", "violates"):
        votes[row["post_id"], row["policy"]] += row["violates"]
    for tweet in tweets:
        post = "davidson-" + tweet[""]
        shares = (votes[post, "hate_speech"], votes[post, "profanity"])
        neither = int(tweet["count"]) - sum(shares)
        assert (*shares, neither)[int(tweet["class"])] == max(*shares, neither)


def test_the_other_data_sets_come_whole(settings, shared_data):
    spam = ingest(settings, "sms_spam", str(shared_data / "sms-spam.tsv"))
    assert spam.posts.inserted + spam.duplicates == spam.rows
    prompts = ingest(settings, "openai_moderation", str(shared_data / "openai-moderation.jsonl.gz"))
    assert prompts.rows == 1680
    assert prompts.posts.inserted + prompts.duplicates + prompts.rejects.total == prompts.rows
