"""Text messages marked ham or spam: the UCI SMS spam collection, tab-separated, without header or quotes."""

from infra.ingest.source import Delimited, Source

ROWS = """
SELECT
    'en' AS language,
    message AS text,
    json_object('fraud_and_spam', CASE kind WHEN 'spam' THEN 'true' WHEN 'ham' THEN 'false'
        ELSE to_json(kind) END::JSON) AS labels
FROM raw
"""

SOURCE = Source(
    name="sms_spam",
    description="TSV of text messages: ham or spam, then the message",
    reads=Delimited(
        columns=("kind", "message"),
        delimiter="\t",
        quoted=False,
        header=False,
        suffixes=(".tsv", ".tsv.gz", ".txt"),
    ),
    rows=ROWS,
    examples={
        "messages.tsv": b'ham\tback at "six", soup is on the stove\nspam\tYou won a golden kettle! Text KETTLE now\n'
    },
)
