"""A source's rows as rows of posts, each with the reason why it is none or NULL: one query for thousands of rows."""

from __future__ import annotations

from datetime import datetime

import duckdb
import pyarrow as pa

from infra.ingest.source import Source
from models.content import MAX_TEXT, UNKNOWN_LANGUAGE, UNKNOWN_MARKET
from models.schemas import TIME

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

# Trimming is what costs, so texts that begin with a visible ASCII character are not trimmed. Reasons carry their
# detail behind a bar. The digest's separators are control characters, its times microseconds.
QUERY = """
WITH raw AS ({raw}),
mapped AS ({rows}),
whole AS (FROM mapped UNION ALL BY NAME SELECT {nulls} WHERE false),
typed AS (
    SELECT
        nullif(post_id, '') AS post_id, nullif(author_id, '') AS author_id,
        coalesce(nullif(market, ''), '{market}') AS market,
        coalesce(nullif(language, ''), '{language}') AS language,
        nullif(created_at, '') AS time, try_cast(nullif(created_at, '') AS TIMESTAMPTZ) AS created_at,
        text AS given,
        CASE WHEN ascii(text) BETWEEN 33 AND 126 THEN text WHEN trim(text, {blank}) != '' THEN text END AS text,
        nullif(image, '') AS image, image_bytes, nullif(video, '') AS video, video_bytes,
        views AS count, coalesce(try_cast(views AS BIGINT), 0) AS views,
        labels::VARCHAR AS labels, problem
    FROM whole
)
SELECT
    post_id, author_id, market, language, created_at, text, image, image_bytes, video, video_bytes, views, labels,
    md5(concat_ws(chr(31), coalesce(author_id, ''), market, language,
        coalesce(epoch_us(created_at)::VARCHAR, ''), views, text)) AS digest,
    hash(post_id) AS hash,
    CASE
        WHEN problem IS NOT NULL THEN problem || '|'
        WHEN text IS NULL AND coalesce(image, video) IS NULL AND coalesce(image_bytes, video_bytes) IS NULL THEN
            CASE WHEN given IS NULL THEN 'missing_column|no text, image or video' ELSE 'empty_post|blank text' END
        WHEN strlen(text) > {longest} AND length(text) > {longest} THEN
            'text_too_long|' || length(text) || ' characters, at most {longest}'
        WHEN length(post_id) > 200 THEN 'invalid_post_id|' || length(post_id) || ' characters, at most 200'
        WHEN time IS NOT NULL AND (created_at IS NULL OR NOT isfinite(created_at)
            OR created_at < TIMESTAMPTZ '1970-01-01 00:00:00Z') THEN 'invalid_time|' || time
        WHEN created_at > $now THEN 'future_time|' || time
        WHEN count IS NOT NULL AND (try_cast(count AS BIGINT) IS NULL OR views < 0) THEN 'invalid_views|' || count
    END AS reason
FROM typed
"""


def shape(connection: duckdb.DuckDBPyConnection, raw: str, source: Source, now: datetime) -> pa.Table:
    """The rows of `raw`, a SELECT, in order: post fields, labels as JSON text, digest, reason, hash of the id."""
    query = QUERY.format(
        blank=BLANK,
        raw=raw,
        rows=source.rows,
        nulls=NULLS,
        longest=MAX_TEXT,
        market=UNKNOWN_MARKET,
        language=UNKNOWN_LANGUAGE,
    )
    shaped = connection.sql(query, params={"now": now}).to_arrow_table()
    return shaped.set_column(4, "created_at", shaped["created_at"].cast(TIME))


def json_lines(path: str, columns: dict[str, str]) -> str:
    """The SELECT that reads a file of JSON objects."""
    kinds = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    return f"FROM read_json('{path}', format = 'newline_delimited', columns = {{{kinds}}})"
