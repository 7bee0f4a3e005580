"""Comments with, for each label, the share of annotators who saw it, as Jigsaw publishes (Civil Comments, toxicity).

A share is kept with how many people it is of; where the file does not say how many, of ten.
"""

from infra.ingest.source import Source, Tabular
from infra.ingest.tables.mapping import Label, Map

LABELS = {
    "hate_speech": "identity_attack",
    "harassment": "insult",
    "violence": "threat",
    "sexual_content": "sexual_explicit",
    "profanity": "obscene",
}

SOURCE = Source(
    name="jigsaw",
    description="CSV or Parquet of comments with shares of annotators for identity_attack, insult, threat and others",
    reads=Tabular(
        map=Map(
            columns={"post_id": "id", "text": "comment_text", "created_at": "created_date"},
            labels={policy: Label(column=column, votes=10) for policy, column in LABELS.items()},
            constants={"language": "en"},
            optional=("post_id", "created_at", *LABELS),
        )
    ),
    rows="SELECT * FROM raw",
    examples={
        "train.csv": b"""id,comment_text,toxicity,identity_attack,insult,obscene,threat
59848,"rain again, and the bus is late",0.0,0.0,0.0,0.0,0.0
59849,that referee is a total wozzock,0.893617021,0.0212765957,0.872340426,0.1,0.0
"""
    },
)
