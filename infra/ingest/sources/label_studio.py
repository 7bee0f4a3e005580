"""An export of Label Studio in JSON: a task a post, an annotation a judge, whose choices are the keys of policies.

Choices left empty say that the post violates none of the policies. Predictions and cancelled annotations are
no judgements. Another project's choices are meant with `--word CHOICE=POLICY`.
"""

from infra.ingest.source import Source, Tabular
from infra.ingest.tables.mapping import EVERY, Categories, Judges, Map

SOURCE = Source(
    name="label_studio",
    description="JSON export of Label Studio: tasks with text or image, choices named as policies",
    reads=Tabular(
        map=Map(
            columns={
                "post_id": "data.post_id",
                "text": "data.text",
                "image": "data.image",
                "author_id": "data.author_id",
                "market": "data.market",
                "language": "data.language",
                "created_at": "data.created_at",
            },
            judges=Judges(
                column="annotations",
                categories="result.value.choices",
                moderator_id="completed_by",
                decided_at="created_at",
                withdrawn="was_cancelled",
            ),
            categories=Categories(column="", policies=EVERY),
            constants={"source": "moderator"},
            optional=("post_id", "text", "image", "author_id", "market", "language", "created_at"),
        )
    ),
    rows="SELECT * FROM raw",
    examples={
        "export.json": b"""[
 {"id": 1, "data": {"post_id": "s1", "text": "win a golden kettle, call now"}, "annotations": [
  {"id": 11, "completed_by": 7, "was_cancelled": false, "created_at": "2026-03-02T10:00:00.000001Z",
   "result": [{"from_name": "policy", "type": "choices", "value": {"choices": ["fraud_and_spam"]}}]},
  {"id": 12, "completed_by": {"id": 8, "email": "m8@example.org"}, "was_cancelled": false, "result": []},
  {"id": 13, "completed_by": 9, "was_cancelled": true, "result": []}], "predictions": []},
 {"id": 2, "data": {"post_id": "s2", "text": "nobody looked at this yet"}, "annotations": []}
]
"""
    },
)
