"""The lake's posts."""

from __future__ import annotations

import duckdb

from expectations import vocabulary as v
from expectations.suite import Profile, Rows, Scope, Suite

_DERIVE = """
SELECT post_id, market, language, views, length(text) AS text_length,
       has_media OR coalesce(text, '') <> '' AS has_content,
       coalesce(epoch(created_at) - epoch(ingested_at), 0) / 86400 AS days_ahead
FROM batch
"""

_REPEATED = (
    "SELECT post_id, count(*) AS copies FROM posts_seen GROUP BY post_id HAVING count(*) > 1 LIMIT 1000"
)


def _prepare(connection: duckdb.DuckDBPyConnection, scope: Scope) -> None:
    connection.register("read", scope.tables["posts"](("post_id",)))
    connection.execute("CREATE TABLE IF NOT EXISTS posts_seen AS SELECT post_id FROM read")
    connection.unregister("read")


SUITE = Suite(
    name="posts",
    title="The lake's posts",
    rows=Rows(
        table="posts",
        columns=("post_id", "market", "language", "created_at", "text", "has_media", "views", "ingested_at"),
        derive=_DERIVE,
        key=("post_id",),
        expect=lambda _: [
            v.PostHasContent(),
            v.TextFits(),
            v.MarketIsKnown(),
            v.LanguageIsKnown(),
            v.ViewsAreCounted(),
            v.PublishedInThePast(),
        ],
    ),
    prepare=_prepare,
    profiles=(Profile("repeated posts", _REPEATED, ("post_id",), lambda _: [v.PostIsThereOnce()]),),
)
