"""Our own schema: the fields of Post, and `labels: {policy: bool}` where a missing policy is unknown."""

from infra.ingest.source import Json, Source

COLUMNS = ("post_id", "author_id", "market", "language", "created_at", "text", "image", "video", "views")

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

SOURCE = Source(
    name="jsonl",
    description="JSONL or Parquet: Post fields and labels {policy: bool}; image, video a path beside it or base64",
    reads=Json(columns={**dict.fromkeys(COLUMNS, "VARCHAR"), "labels": "JSON"}),
    rows="SELECT * FROM raw",
    examples={
        "posts.jsonl": b"""{"post_id": "p1", "author_id": "a1", "market": "DE", "language": "de",
 "created_at": "2026-03-02T10:15:00Z", "text": "der Wasserkocher ist entkalkt", "views": 12,
 "labels": {"fraud_and_spam": false}}
{"post_id": "p2", "market": "JP", "language": "ja", "text": "a picture", "image": "%s"}
{"text": "no id of its own", "labels": {"profanity": true, "hate_speech": null}}
""".replace(b"\n ", b" ")
        % PIXEL.encode()
    },
)
