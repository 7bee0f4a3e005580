"""The lake's judgements."""

from __future__ import annotations

import duckdb

from expectations import vocabulary as v
from expectations.suite import Profile, Rows, Scope, Suite

_DERIVE = """
SELECT post_id, policy, source, moderator_id, coalesce(epoch(decided_at) - epoch(ingested_at), 0) / 86400 AS days_ahead
FROM batch
"""

_ORPHANS = """
SELECT post_id, count(*) AS without_post FROM judgements_seen ANTI JOIN posts_seen USING (post_id)
GROUP BY post_id LIMIT 1000
"""

# Two judgements drawn from the n of a post and policy, y of which say it violates, contradict each other with
# probability 2 y (n - y) / (n (n - 1)).
_DISAGREEMENT = """
SELECT policy, sum(2 * y * (n - y) / (n - 1)) / sum(n) AS disagreement FROM (
    SELECT policy, count(*) AS n, count(*) FILTER (violates) AS y
    FROM judgements_seen GROUP BY policy, post_id HAVING count(*) > 1)
GROUP BY policy ORDER BY policy
"""


def _prepare(connection: duckdb.DuckDBPyConnection, scope: Scope) -> None:
    connection.register("read", scope.tables["judgements"](("post_id", "policy", "violates")))
    connection.execute("CREATE TABLE judgements_seen AS SELECT * FROM read")
    connection.register("read", scope.tables["posts"](("post_id",)))
    connection.execute("CREATE TABLE IF NOT EXISTS posts_seen AS SELECT post_id FROM read")
    connection.unregister("read")


SUITE = Suite(
    name="judgements",
    title="The lake's judgements",
    rows=Rows(
        table="judgements",
        columns=("post_id", "policy", "source", "moderator_id", "decided_at", "ingested_at"),
        derive=_DERIVE,
        key=("post_id", "policy", "moderator_id"),
        expect=lambda scope: [
            v.SourceIsKnown(),
            v.PolicyIsInTheSet(value_set=list(scope.policy_set.keys)),
            v.JudgedInThePast(),
        ],
    ),
    prepare=_prepare,
    profiles=(
        Profile("judgements without a post", _ORPHANS, ("post_id",), lambda _: [v.JudgedPostIsThere()]),
        Profile("agreement", _DISAGREEMENT, ("policy",), lambda _: [v.ModeratorsAgreeEnough()]),
    ),
)
