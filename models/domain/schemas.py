"""Arrow schemas of the tables that hold the nouns. Times are microseconds in UTC."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

SPLITS = ("train", "validation", "calibration", "test")

TIME = pa.timestamp("us", tz="UTC")

POST_FIELDS = [
    pa.field("post_id", pa.string(), nullable=False),
    pa.field("author_id", pa.string()),
    pa.field("market", pa.string(), nullable=False),
    pa.field("language", pa.string(), nullable=False),
    pa.field("created_at", TIME),
    pa.field("text", pa.string()),
    pa.field("image", pa.binary()),
    pa.field("video", pa.binary()),
    pa.field("views", pa.int64(), nullable=False),
]

POSTS = pa.schema(
    [
        *POST_FIELDS,
        pa.field("source", pa.string(), nullable=False),  # the source that brought this version
        pa.field(
            "digest", pa.string(), nullable=False
        ),  # of the Post fields; tells a new version from the same
        pa.field("version", pa.int32(), nullable=False),  # 1, then one more each time the content changed
        pa.field("ingested_at", TIME, nullable=False),
    ]
)

_SCORE = pa.struct(
    [pa.field("policy", pa.string(), nullable=False), pa.field("score", pa.float32(), nullable=False)]
)
_REASON = pa.struct(
    [
        pa.field("policy", pa.string(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),
        pa.field("threshold", pa.float32(), nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("market", pa.string(), nullable=False),  # whose threshold it was
    ]
)
UNREAD = pa.list_(
    pa.struct(
        [
            pa.field("part", pa.string(), nullable=False),  # text, image, video
            pa.field("reason", pa.string(), nullable=False),
            pa.field("detail", pa.string(), nullable=False),
        ]
    )
)

JUDGEMENTS = pa.schema(
    [
        pa.field("post_id", pa.string(), nullable=False),
        pa.field("policy", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("moderator_id", pa.string(), nullable=False),
        pa.field("violates", pa.bool_(), nullable=False),  # of several votes, whether at least half say so
        pa.field("decided_at", TIME),
        pa.field("ingested_at", TIME, nullable=False),
        # Missing in judgements made before there were such columns, as where they say nothing.
        pa.field("votes", pa.int32()),  # people that the row stands for; missing for one
        pa.field("violating", pa.int32()),  # how many of them say that it violates
        pa.field("withdrawn", pa.bool_()),  # true where it no longer counts
    ]
)

REJECTS = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),  # 1-based line, record or file number within `file`
        pa.field("reason", pa.string(), nullable=False),  # a short key that summaries count by
        pa.field("detail", pa.string(), nullable=False),  # the offending value, shortened, never a whole post
        pa.field("ingested_at", TIME, nullable=False),
    ]
)

DECISIONS = pa.schema(
    [
        pa.field("decision_id", pa.string(), nullable=False),
        pa.field("post_id", pa.string(), nullable=False),
        pa.field("market", pa.string(), nullable=False),
        pa.field("model_version", pa.string(), nullable=False),
        pa.field("role", pa.string(), nullable=False),  # champion, challenger or shadow
        pa.field("shadow_of", pa.string()),  # the decision that this one is a shadow of
        pa.field(
            "live_action", pa.string()
        ),  # the action of that decision, and the policies that asked for one
        pa.field("live_policies", pa.list_(pa.string())),
        pa.field("rollout", pa.string()),  # the rollout that drew the role, and its stage
        pa.field("stage", pa.int32()),
        pa.field("scores", pa.list_(_SCORE), nullable=False),
        pa.field("action", pa.string()),  # missing where the model failed
        pa.field("reasons", pa.list_(_REASON), nullable=False),
        pa.field("error", pa.string()),  # why there is no action
        pa.field("latency_ms", pa.float64(), nullable=False),
        pa.field("decided_at", TIME, nullable=False),
        pa.field("unread", UNREAD),  # missing in decisions made before there was such a column
        pa.field("key_id", pa.string()),  # of the API key that asked, which alone may read it; the same
        pa.field("not_assessed", pa.list_(pa.string())),  # policies without a score; the same
        pa.field("policy_digest", pa.string()),  # of the policy set that decided; the same
    ]
)

FINDINGS = pa.schema(
    [
        pa.field("at", TIME, nullable=False),
        pa.field("model_version", pa.int64(), nullable=False),
        pa.field("signal", pa.string(), nullable=False),
        pa.field("subject", pa.string(), nullable=False),
        pa.field("reference", pa.float64()),
        pa.field("live", pa.float64()),
        pa.field("value", pa.float64()),  # missing where too few posts tell
        pa.field("bound", pa.float64(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
    ]
)

ACTS = pa.schema(
    [
        pa.field("at", TIME, nullable=False),
        pa.field("who", pa.string(), nullable=False),
        pa.field(
            "act", pa.string(), nullable=False
        ),  # begin, climb, pause, resume, ask, abort, promote, roll back
        pa.field("version", pa.int64(), nullable=False),  # the version that it was done to
        pa.field("rollout", pa.string(), nullable=False),  # empty for an act outside of a rollout
        pa.field("why", pa.string(), nullable=False),
    ]
)

LEASES = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("owner", pa.string(), nullable=False),
        pa.field("asked_at", TIME, nullable=False),
        pa.field("until", TIME, nullable=False),
    ]
)


_HASH = pa.struct(
    [
        pa.field("bits", pa.binary(32), nullable=False),
        pa.field("quality", pa.int32(), nullable=False),  # 50 to 100
        pa.field("second", pa.float32()),  # of the frame; missing for a picture
    ]
)

HASHES = pa.schema(
    [
        pa.field("post_id", pa.string(), nullable=False),
        pa.field("hashes", pa.list_(_HASH), nullable=False),  # of its picture and of its video's frames
        pa.field("dropped", pa.int32(), nullable=False),  # pictures and frames that show too little to tell
        pa.field("ingested_at", TIME, nullable=False),
    ]
)


def snapshot_schema(policies: Sequence[str]) -> pa.Schema:
    """A snapshot's rows, grouped by split in the order of SPLITS.

    `labels[i]` is the share of judgements that say the post violates `policies[i]`, NaN where nobody judged it;
    `votes[i]` is how many judged.
    """
    width = len(policies)
    return pa.schema(
        [
            *POST_FIELDS,
            pa.field("has_media", pa.bool_(), nullable=False),  # a picture or a video
            pa.field("cluster", pa.int64(), nullable=False),  # near-duplicates share it
            pa.field("split", pa.string(), nullable=False),
            pa.field("labels", pa.list_(pa.float32(), width), nullable=False),
            pa.field("votes", pa.list_(pa.int32(), width), nullable=False),
        ]
    )
