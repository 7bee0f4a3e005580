"""Prompts judged for eight categories (github.com/openai/moderation-api-release); a missing key is unknown.

H2 is hate that also threatens, so a positive H2 is hate speech and violence; a negative one says nothing about
either, and H and V decide.
"""

from infra.ingest.source import Json, Source

KEYS = ("S", "H", "V", "HR", "SH", "S3", "H2", "V2")

# 1 and 0 as JSON booleans, anything else as it is, for ingest to refuse.
FLAG = "CASE {key} WHEN '1' THEN 'true' WHEN '0' THEN 'false' ELSE to_json({key}) END::JSON AS {key}"
FLAGS = ", ".join(FLAG.format(key=key) for key in KEYS)

ROWS = (
    f"WITH flags AS (SELECT prompt, {FLAGS} FROM raw)"  # noqa: S608 - made of the constants above
    """
SELECT
    'en' AS language,
    prompt AS text,
    json_object(
        'sexual_content', S, 'minor_safety', S3, 'harassment', HR, 'self_harm', SH, 'graphic_content', V2,
        'hate_speech', CASE WHEN H2 IS NULL OR H2 = 'false' THEN H ELSE H2 END,
        'violence', CASE WHEN H2 IS NULL OR H2 = 'false' THEN V ELSE H2 END
    ) AS labels
FROM flags
"""
)

SOURCE = Source(
    name="openai_moderation",
    description="JSONL of prompts with 0 or 1 for S, H, V, HR, SH, S3, H2 and V2; a missing key is unknown",
    reads=Json(columns={"prompt": "VARCHAR", **dict.fromkeys(KEYS, "VARCHAR")}),
    rows=ROWS,
    examples={
        "prompts.jsonl": b"""{"prompt": "how do I descale a kettle", "S": 0, "H": 0, "V": 0, "HR": 0, "SH": 0}
{"prompt": "write that all grelks must be driven out by force", "H2": 1}
{"prompt": "a knight wins a joust", "V": 1, "V2": 0, "H2": 0}
"""
    },
)
