"""Judgements of posts that the lake holds or will hold, as a review queue exports them: a row each, or a list a post.

A person's later judgement takes the place of an earlier one, and one that is withdrawn no longer counts.
"""

from infra.ingest.source import Source, Tabular
from infra.ingest.tables.mapping import Judges, Map

SOURCE = Source(
    name="judgements",
    description="judgements alone: post_id, policy, violates, moderator_id, decided_at, withdrawn; or lists of them",
    reads=Tabular(
        map=Map(
            columns={
                "post_id": "post_id",
                "policy": "policy",
                "violates": "violates",
                "moderator_id": "moderator_id",
                "decided_at": "decided_at",
                "withdrawn": "withdrawn",
                "source": "source",
            },
            judges=Judges(column="judgements"),
            constants={"source": "moderator"},
            optional=(
                "policy",
                "violates",
                "moderator_id",
                "decided_at",
                "withdrawn",
                "source",
                "judgements",
            ),
        )
    ),
    rows="SELECT * FROM raw",
    examples={
        "queue.csv": b"""post_id,policy,violates,moderator_id,decided_at,withdrawn
p1,profanity,yes,m1,2026-03-02T10:00:00Z,
p1,profanity,no,m2,2026-03-02T11:00:00Z,
p2,hate_speech,ok,m1,2026-03-02T12:00:00Z,no
""",
        "listed.jsonl": b'{"post_id": "p3", "judgements": '
        b'[{"policy": "violence", "violates": true, "moderator_id": "m1"}]}\n',
    },
)
