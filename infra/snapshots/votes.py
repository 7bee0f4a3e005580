"""From judgements to soft labels: one vote for each judge of a post and policy.

- Posts with the same text, image and video are one post, the earliest copy, with the judgements of all copies.
- One judge has one vote for a post and policy in each source: their latest judgement (of two at one time,
  the one that says it violates). Judgements without a
  moderator's name are taken to be by different people where they are about different copies.
- An appeal overrides the moderators' judgements of that post and policy that were made before it: a moderator's
  judgement without a time, or about a post whose appeal has none, counts as made before. Imports and LLM
  judgements are not overridden.
- A judgement that was withdrawn is none. A row that stands for several votes counts as so many.
- Judgements of policies outside the set are not read.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import lance
import pyarrow as pa

from infra.snapshots.scan import batches

_COLUMNS = (
    *("post_id", "policy", "source", "moderator_id", "violates", "decided_at"),
    *("votes", "violating", "withdrawn"),
)

_COPIES = """
CREATE TABLE copies AS
WITH repeated AS (SELECT content FROM surveyed GROUP BY content HAVING count(*) > 1),
     ranked AS (SELECT ordinal, first_value(ordinal) OVER (
                    PARTITION BY content ORDER BY created NULLS LAST, post) AS original
                FROM surveyed SEMI JOIN repeated USING (content))
SELECT * FROM ranked WHERE ordinal <> original
"""

_OPINIONS = """
CREATE TABLE opinions AS
SELECT coalesce(copies.original, surveyed.ordinal) AS ordinal, place, source, judge, decided, votes, violating
FROM (SELECT md5_number(post_id) AS post, policies.place AS place, source,
             coalesce(votes, 1) AS votes, coalesce(violating, violates::INTEGER) AS violating,
             md5_number_lower(if(moderator_id = '', 'post ' || post_id, 'name ' || moderator_id)) AS judge,
             coalesce(epoch_us(decided_at), 0) AS decided
      FROM judgements JOIN policies ON judgements.policy = policies.key
      WHERE NOT coalesce(withdrawn, false)) AS judged
JOIN surveyed USING (post)
LEFT JOIN copies ON surveyed.ordinal = copies.ordinal
"""

# What releases before did not write.
_READ = """
CREATE TEMP VIEW judgements AS FROM read UNION ALL BY NAME
SELECT NULL::INTEGER AS votes, NULL::INTEGER AS violating, NULL::BOOLEAN AS withdrawn WHERE false
"""

# A judge's time and votes in one number of 16 bits each for the votes: the greatest is the latest judgement, of equal
# times the one in which most see a violation.
_VOTES = """
CREATE TABLE votes AS
WITH appeals AS (
    SELECT ordinal, place, max(if(decided = 0, 9223372036854775807, decided)) AS appealed
    FROM opinions WHERE source = 'appeal' GROUP BY ordinal, place),
standing AS (
    SELECT opinions.* FROM opinions LEFT JOIN appeals USING (ordinal, place)
    WHERE source <> 'moderator' OR appealed IS NULL OR decided > appealed)
SELECT ordinal, place, (latest % 65536)::INTEGER AS votes, (latest // 65536 % 65536)::INTEGER AS violating
FROM (SELECT ordinal, place, max((decided::HUGEINT * 65536 + violating) * 65536 + votes) AS latest
      FROM standing GROUP BY ordinal, place, source, judge)
"""

_LABELLED = """
CREATE TABLE labelled AS
SELECT ordinal, array_value({votes})::INTEGER[{width}] AS votes, array_value({violating})::INTEGER[{width}] AS violating
FROM votes GROUP BY ordinal
"""


def find_copies(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill `copies` (ordinal, original) from `surveyed`."""
    connection.execute(_COPIES)


def gather(
    connection: duckdb.DuckDBPyConnection, judgements: lance.LanceDataset, policies: Sequence[str]
) -> None:
    """Fill `copies` (ordinal, original) and `labelled` (ordinal, votes[P], violating[P]) from `surveyed`."""
    find_copies(connection)
    listed = pa.table({"key": list(policies), "place": list(range(len(policies)))})
    connection.register("policies", listed)
    columns = [name for name in _COLUMNS if name in judgements.schema.names]
    connection.register("read", batches(judgements, columns))
    connection.execute(_READ)
    connection.execute(_OPINIONS)
    connection.execute("DROP VIEW judgements")
    connection.unregister("read")
    connection.execute(_VOTES)
    connection.execute("DROP TABLE opinions")
    places = range(len(policies))
    votes = ", ".join(f"coalesce(sum(votes) FILTER (place = {place}), 0)" for place in places)
    violating = ", ".join(f"coalesce(sum(violating) FILTER (place = {place}), 0)" for place in places)
    connection.execute(_LABELLED.format(votes=votes, violating=violating, width=len(policies)))
    connection.execute("DROP TABLE votes")
