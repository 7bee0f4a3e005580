"""A source's rows as rows of posts, each with the reason why it is none or NULL: two queries for thousands of rows."""

from __future__ import annotations

from datetime import datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from infra.forms.ids import MAX_ID_CHARACTERS
from infra.ingest.source import Source
from models.domain.content import MAX_TEXT
from models.domain.schemas import TIME

COLUMNS = {
    **dict.fromkeys(
        (
            "post_id",
            "author_id",
            "market",
            "language",
            "created_at",
            "text",
            "image",
            "video",
            "views",
            "labels",
            "problem",
        ),
        "VARCHAR",
    ),
    "image_bytes": "BLOB",
    "video_bytes": "BLOB",
}
BLANK = "' \t\r\n\u00a0\u3000'"
NULLS = ", ".join(f"NULL::{kind} AS {name}" for name, kind in COLUMNS.items())

# Ids that are no float, no JSON and no word for nothing, and need no folding: whole numbers that any store holds,
# a letter with something else behind it, hexadecimal digits and UUIDs.
PLAIN_ID = (
    "[0-9]{1,19}|[A-Za-z_][!-~]*[0-9_:/.-][!-~]*|[0-9][0-9a-f]*[a-df][0-9a-f]*"
    "|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
)
# A date of ISO 8601, with or without a time of day and an offset.
PLAIN_TIME = (
    "[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?"
    "(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)

# Looking through texts is what costs, so those that begin with a visible ASCII character are not; what is odd, with
# no such character at all, may be signs that draw nothing; and a word that only Python's JSON knows may be no text.
TYPED = """
WITH raw AS ({raw}),
mapped AS ({rows}),
whole AS (FROM mapped UNION ALL BY NAME SELECT {nulls} WHERE false),
given AS (
    SELECT * REPLACE (nullif(post_id, '') AS post_id, nullif(author_id, '') AS author_id,
        nullif(views, '') AS views), nullif(created_at, '') AS time,
        created_at IS NOT NULL AND created_at != '' AND NOT regexp_full_match(created_at, '{time}') AS odd_time
    FROM whole
)
SELECT
    post_id, author_id, coalesce(market, '') AS market, coalesce(language, '') AS language, time,
    CASE WHEN NOT odd_time THEN try_cast(time AS TIMESTAMPTZ) END AS created_at, odd_time,
    coalesce(strlen(post_id) > {longest} OR NOT regexp_full_match(post_id, '{id}'), false) AS odd_post,
    coalesce(strlen(author_id) > {longest} OR NOT regexp_full_match(author_id, '{id}'), false) AS odd_author,
    CASE WHEN ascii(text) BETWEEN 33 AND 126 THEN text WHEN trim(text, {blank}) != '' THEN text END AS text,
    coalesce(ascii(text) NOT BETWEEN 33 AND 126 AND NOT regexp_matches(text, '[!-~]'), false) AS odd_text,
    text IS NOT NULL AS given, coalesce(text IN ('NaN', 'Infinity', '-Infinity'), false) AS odd_word,
    nullif(trim(image), '') AS image, image_bytes, nullif(trim(video), '') AS video, video_bytes,
    CASE WHEN coalesce(try_cast(views AS BIGINT), -1) < 0 THEN views END AS odd_views,
    coalesce(try_cast(views AS BIGINT), 0) AS views, labels::VARCHAR AS labels, problem
FROM given
"""

# Reasons carry their detail behind a bar. The digest's separators are control characters, its times microseconds.
JUDGED = """
SELECT
    md5(concat_ws(chr(31), coalesce(author_id, ''), market, language,
        coalesce(epoch_us(created_at)::VARCHAR, ''), views, text)) AS digest,
    hash(post_id) AS hash,
    CASE
        WHEN problem IS NOT NULL THEN if(contains(problem, '|'), problem, problem || '|')
        WHEN {posts} AND text IS NULL AND coalesce(image, video) IS NULL AND NOT pictured THEN
            CASE WHEN NOT given THEN 'missing_column|no text, image or video' ELSE 'empty_post|blank text' END
        WHEN NOT {posts} AND post_id IS NULL THEN 'missing_column|no post_id: a judgement alone is of a post by its id'
        WHEN strlen(text) > {longest} AND length(text) > {longest} THEN
            'text_too_long|' || length(text) || ' characters, at most {longest}'
        WHEN time IS NOT NULL AND NOT odd_time AND (created_at IS NULL OR NOT isfinite(created_at)
            OR created_at < TIMESTAMPTZ '1970-01-01 00:00:00Z') THEN
            'invalid_time|' || time || ' is on no calendar, or before 1970'
        WHEN created_at > $now THEN 'future_time|' || time
        WHEN odd_views IS NOT NULL THEN 'invalid_views|' || odd_views || ' is no whole number from 0 on'
    END AS reason
FROM typed
"""
JUDGING = ("post_id", "author_id", "market", "language", "time", "created_at", "odd_time", "text", "given", "image",
           "video", "odd_views", "views", "problem")  # fmt: skip


def typed(connection: duckdb.DuckDBPyConnection, raw: str, source: Source) -> pa.Table:
    """The rows of `raw`, a SELECT, in order: post fields, what they were given as, and which of them are odd."""
    query = TYPED.format(
        raw=raw,
        rows=source.rows,
        nulls=NULLS,
        blank=BLANK,
        time=PLAIN_TIME,
        id=PLAIN_ID,
        longest=MAX_ID_CHARACTERS,
    )
    shaped = connection.sql(query).to_arrow_table()
    place = shaped.schema.get_field_index("created_at")
    return shaped.set_column(place, "created_at", shaped["created_at"].cast(TIME))


def judged(
    connection: duckdb.DuckDBPyConnection, table: pa.Table, now: datetime, *, posts: bool = True
) -> pa.Table:
    """Of folded rows, in order: the digest of the content, a hash of the id, and the reason to refuse the row.

    Rows that are no `posts`, but judgements alone, need no content and do need an id.
    """
    pictured = pc.or_(table["image_bytes"].is_valid(), table["video_bytes"].is_valid())
    connection.register("typed", table.select(JUDGING).append_column("pictured", pictured))
    query = JUDGED.format(longest=MAX_TEXT, posts=posts)
    return connection.sql(query, params={"now": now}).to_arrow_table()


def json_lines(path: str, columns: dict[str, str]) -> str:
    """The SELECT that reads a file of JSON objects."""
    kinds = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    return f"FROM read_json('{path}', format = 'newline_delimited', columns = {{{kinds}}})"
