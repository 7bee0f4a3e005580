"""Tables of very many rows, made by columns and written straight into a lake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from infra.lake import Lake, Table
from models.domain.schemas import DECISIONS, JUDGEMENTS, POSTS, TIME

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(milliseconds=10)  # between two decisions
PIECE = 250_000  # rows of one commit
ROLLOUT_ROWS = 20_000  # the last decisions are of a rollout
PLAIN: dict[str, Any] = {
    "market": "DE", "language": "en", "views": 1, "source": "import", "version": 1, "ingested_at": BEGAN,
    "created_at": BEGAN, "author_id": "author", "policy": "profanity", "moderator_id": "", "violates": False,
    "model_version": "1", "role": "champion", "action": "allow", "latency_ms": 1.5, "reasons": [],
    "scores": [{"policy": "profanity", "score": 0.25}],
}  # fmt: skip


def decision_id(number: int) -> str:
    """32 hexadecimal digits that say nothing of when it was made."""
    return f"{(number + 1) * 0x9E3779B97F4A7C15 % 2**64:016x}{number:016x}"


def put_many_posts(lake: Lake, count: int) -> None:
    for table in (lake.posts, lake.judgements):
        table.upsert(_pieces(table, count))


def put_many_decisions(lake: Lake, count: int, first: int = 0, piece: int = PIECE) -> None:
    """Decisions in the order of their times; the last ROLLOUT_ROWS belong to rollout r1."""
    for batch in _pieces(lake.decisions, count, first, piece):
        lake.decisions.append([batch])


def _pieces(table: Table, count: int, first: int = 0, piece: int = PIECE) -> Iterator[pa.RecordBatch]:
    for start in range(first, first + count, piece):
        numbers = np.arange(start, min(start + piece, first + count))
        made = _made(table.schema, numbers, first + count - ROLLOUT_ROWS)
        columns = [
            made[field.name] if field.name in made else _plain(field, len(numbers)) for field in table.schema
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=table.schema)


def _made(schema: pa.Schema, numbers: np.ndarray, of_rollout: int) -> Mapping[str, pa.Array]:
    posts = pa.array([f"post-{number}" for number in numbers.tolist()])
    if schema == POSTS:
        captions = pa.array([f"an invented caption of post {number}" for number in numbers.tolist()])
        return {
            "post_id": posts,
            "text": captions,
            "digest": pa.array([f"{n:032x}" for n in numbers.tolist()]),
        }
    if schema == JUDGEMENTS:
        return {"post_id": posts}
    assert schema == DECISIONS
    drawn = numbers >= of_rollout
    at = np.datetime64(BEGAN.replace(tzinfo=None), "us") + numbers * np.timedelta64(STEP)
    return {
        "decision_id": pa.array([decision_id(number) for number in numbers.tolist()]),
        "post_id": posts,
        "decided_at": pa.array(at).view(pa.int64()).view(TIME),
        "rollout": pa.array(np.where(drawn, "r1", None)),
        "stage": pa.array(np.where(drawn, 0, None).tolist(), pa.int32()),
        "model_version": pa.array(np.where(drawn & (numbers % 2 == 1), "2", "1")),
    }


def _plain(field: pa.Field, count: int) -> pa.Array:
    if field.name not in PLAIN:
        return pa.nulls(count, field.type)
    return pa.repeat(pa.scalar(PLAIN[field.name], field.type), count)
