"""Tweets judged by three or more annotators each (github.com/t-davidson/hate-speech-and-offensive-language).

The file counts votes and does not say who cast them, so annotators are numbered: those who voted for hate speech
come first, then offensive language, then neither.
"""

from infra.ingest.source import Delimited, Source

ROWS = """
WITH votes AS (
    SELECT *, try_cast("count" AS INTEGER) AS n, try_cast(hate_speech AS INTEGER) AS h,
        try_cast(offensive_language AS INTEGER) AS o, try_cast(neither AS INTEGER) AS e
    FROM raw
)
SELECT
    'davidson-' || nullif(trim("#"), '') AS post_id,
    'en' AS language,
    tweet AS text,
    to_json(flatten([
        [{'policy': 'hate_speech', 'moderator_id': 'annotator-' || i, 'violates': i <= h},
         {'policy': 'profanity', 'moderator_id': 'annotator-' || i, 'violates': i > h AND i <= h + o}]
        FOR i IN range(1, least(n, 100) + 1)
    ])) AS labels,
    CASE WHEN n IS NULL OR n < 1 OR n > 100 OR h + o + e IS DISTINCT FROM n OR least(h, o, e) < 0
        OR class NOT IN ('0', '1', '2') THEN 'inconsistent_votes' END AS problem
FROM votes
"""

SOURCE = Source(
    name="davidson",
    description="CSV of tweets with annotators' votes for hate speech, offensive language and neither",
    reads=Delimited(columns=("", "count", "hate_speech", "offensive_language", "neither", "class", "tweet")),
    rows=ROWS,
    examples={
        "tweets.csv": b""",count,hate_speech,offensive_language,neither,class,tweet
0,3,0,0,3,2,"rain again, and the bus is late"
1,3,0,2,1,1,that referee is a total wozzock
2,6,4,2,0,0,"every grelk should leave town
and not come back"
"""
    },
)
