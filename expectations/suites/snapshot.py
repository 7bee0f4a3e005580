"""A snapshot: its splits, labels and coverage, and how it differs from the one the champion learned from."""

from __future__ import annotations

import duckdb

from expectations import vocabulary as v
from expectations.suite import Profile, Rows, Scope, Suite
from models.domain.schemas import SPLITS

_DERIVE = """
SELECT post_id, split, list_sum(votes) AS judgements, has_media OR coalesce(text, '') <> '' AS has_content,
       len(list_filter(list_zip(labels, votes),
           lambda pair: if(pair[2] = 0, NOT isnan(pair[1]), NOT (pair[1] BETWEEN 0 AND 1) OR isnan(pair[1])))) = 0
           AS labels_are_shares
FROM batch
"""

_COLUMNS = (
    "post_id",
    "author_id",
    "market",
    "language",
    "created_at",
    "text",
    "cluster",
    "split",
    "labels",
    "votes",
)
_SEEN = """
CREATE TABLE {name} AS
SELECT post_id, author_id, market, language, created_at, length(text) AS text_length, cluster, split, labels, votes
FROM read
"""

_LABELS = """
CREATE TABLE {name}_labels AS
SELECT policies.policy AS policy, count(*) AS posts,
       count(*) FILTER (votes[place] > 0) AS judged,
       count(*) FILTER (votes[place] > 0 AND labels[place] >= 0.5) AS violating,
       count(*) FILTER (votes[place] > 0 AND labels[place] < 0.5) AS compliant,
       count(*) FILTER (votes[place] > 0 AND labels[place] >= 0.5 AND split = 'train') AS violating_in_train,
       count(*) FILTER (votes[place] > 0 AND labels[place] < 0.5 AND split = 'train') AS compliant_in_train,
       coalesce(avg(labels[place]) FILTER (votes[place] > 0), 0) AS rate
FROM {name}, policies GROUP BY policies.policy
"""


def _prepare(connection: duckdb.DuckDBPyConnection, scope: Scope) -> None:
    places = [(place + 1, key) for place, key in enumerate(scope.policy_set.keys)]
    connection.execute("CREATE TABLE policies (place INTEGER, policy VARCHAR)")
    connection.executemany("INSERT INTO policies VALUES (?, ?)", places)
    connection.execute("CREATE TABLE markets (market VARCHAR)")
    connection.executemany(
        "INSERT INTO markets VALUES (?)", [[market] for market in scope.policy_set.markets]
    )
    connection.execute("CREATE TABLE splits (split VARCHAR)")
    connection.executemany("INSERT INTO splits VALUES (?)", [[split] for split in SPLITS])
    for name in ("snapshot", "baseline") if scope.has_baseline else ("snapshot",):
        connection.register("read", scope.tables[name](_COLUMNS))
        connection.execute(_SEEN.format(name=name))
        connection.unregister("read")
        connection.execute(_LABELS.format(name=name))


def _crossing(what: str) -> str:
    """The authors or clusters that lie in more than one split, at most 1,000 of them."""
    return f"""
    SELECT {what}, bit_count(bit_or(1 << list_position({list(SPLITS)}, split))) AS splits
    FROM snapshot WHERE {what} IS NOT NULL GROUP BY {what} HAVING splits > 1 ORDER BY {what} LIMIT 1000
    """  # noqa: S608 - column names of this file


_SIZES = "SELECT split, count(post_id) AS posts FROM splits LEFT JOIN snapshot USING (split) GROUP BY split"
_REPEATED = "SELECT post_id, count(*) AS copies FROM snapshot GROUP BY post_id HAVING count(*) > 1 LIMIT 1000"
_BEST = """
SELECT policy, least(violating_in_train, compliant_in_train) AS rarer_class
FROM snapshot_labels ORDER BY rarer_class DESC, policy LIMIT 1
"""
_JUDGED = "SELECT policy, judged FROM snapshot_labels ORDER BY policy"
_CLASSES = """
SELECT policy, violating, compliant, 1 - judged / posts AS unknown_share
FROM snapshot_labels WHERE judged > 0 ORDER BY policy
"""
_MARKETS = """
SELECT market, count(post_id) AS posts FROM markets LEFT JOIN snapshot USING (market)
WHERE market <> 'default' GROUP BY market ORDER BY market
"""
_LANGUAGES = "SELECT language, count(*) AS posts FROM snapshot GROUP BY language ORDER BY language"
_TIMES = """
WITH began AS (SELECT min(created_at) AS test FROM snapshot WHERE split = 'test'),
     whole AS (SELECT min(created_at) < max(created_at) AS differ FROM snapshot)
SELECT split, count(*) FILTER (created_at >= test AND differ) AS posts_in_test_time
FROM snapshot, began, whole WHERE split <> 'test' GROUP BY split ORDER BY split
"""
_LENGTHS = """
SELECT 'all' AS posts, (SELECT median(text_length) FROM snapshot) / (SELECT median(text_length) FROM baseline)
       AS text_length_ratio
"""
_RATES = """
SELECT policy, now.rate - before.rate AS rate_change
FROM snapshot_labels now JOIN baseline_labels before USING (policy)
WHERE now.judged > 0 AND before.judged > 0 ORDER BY policy
"""

SUITE = Suite(
    name="snapshot",
    title="The snapshot",
    rows=Rows(
        table="snapshot",
        columns=("post_id", "split", "text", "has_media", "labels", "votes"),
        derive=_DERIVE,
        key=("post_id",),
        expect=lambda _: [v.PostHasContent(), v.SplitIsNamed(), v.PostIsJudged(), v.LabelsAreShares()],
    ),
    prepare=_prepare,
    profiles=(
        Profile(
            "authors in several splits",
            _crossing("author_id"),
            ("author_id",),
            lambda _: [v.NoAuthorCrossesSplits()],
        ),
        Profile(
            "clusters in several splits",
            _crossing("cluster"),
            ("cluster",),
            lambda _: [v.NoClusterCrossesSplits()],
        ),
        Profile("times", _TIMES, ("split",), lambda _: [v.TestIsLater()]),
        Profile("repeated posts", _REPEATED, ("post_id",), lambda _: [v.PostIsThereOnce()]),
        Profile("splits", _SIZES, ("split",), lambda _: [v.EverySplitHasPosts()]),
        Profile("most learnable policy", _BEST, ("policy",), lambda _: [v.SomePolicyCanBeLearned()]),
        Profile("policies", _JUDGED, ("policy",), lambda _: [v.EachPolicyIsJudged()]),
        Profile(
            "judged policies",
            _CLASSES,
            ("policy",),
            lambda _: [
                v.EachPolicyHasEnoughViolations(),
                v.EachPolicyHasEnoughCompliance(),
                v.UnknownShareIsBounded(),
            ],
        ),
        Profile("markets", _MARKETS, ("market",), lambda _: [v.MarketCoverage()]),
        Profile("languages", _LANGUAGES, ("language",), lambda _: [v.LanguageCoverage()]),
        Profile(
            "text length", _LENGTHS, ("posts",), lambda _: [v.TextLengthHasNotDrifted()], needs_baseline=True
        ),
        Profile(
            "label rates", _RATES, ("policy",), lambda _: [v.LabelRateHasNotDrifted()], needs_baseline=True
        ),
    ),
)
