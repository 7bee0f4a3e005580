"""Posts and judgements written straight into a lake."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from infra.lake import Lake
from models.domain.schemas import JUDGEMENTS, POSTS

INGESTED = datetime(2026, 3, 1, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)
_SYLLABLES = ("bado", "kiru", "mela", "suto", "venn", "plim", "oska", "gruf", "tizz", "hond")


def invented(number: int, words: int = 9) -> str:
    """A text that shares next to nothing with that of another number."""
    seed = (number + 1) * 2654435761
    return " ".join(
        f"{_SYLLABLES[(seed >> shift) % 10]}{(seed * (shift + 3)) % 99991}" for shift in range(words)
    )


def post(number: int, **fields: Any) -> dict[str, Any]:
    row = {
        "post_id": f"post-{number}", "author_id": f"author-{number}", "market": "US", "language": "en",
        "created_at": None, "text": invented(number), "image": None, "video": None, "views": 0, "source": "test",
        "digest": f"{number}", "version": 1, "ingested_at": INGESTED,
    }  # fmt: skip
    return {**row, **fields}


def judgement(post_id: str, **fields: Any) -> dict[str, Any]:
    row = {
        "post_id": post_id, "policy": "hate_speech", "source": "moderator", "moderator_id": "moderator-1",
        "violates": False, "decided_at": START, "ingested_at": INGESTED,
    }  # fmt: skip
    return {**row, **fields}


def put(lake: Lake, posts: Iterable[dict[str, Any]], judgements: Iterable[dict[str, Any]]) -> None:
    for table, schema, rows in ((lake.posts, POSTS, posts), (lake.judgements, JUDGEMENTS, judgements)):
        table.append([pa.RecordBatch.from_pylist(list(rows), schema=schema)])


def put_platform(lake: Lake, count: int = 400, *, dated: bool = True) -> None:
    """Five posts an author, one in four judged a violation, an hour between posts."""
    posts = [
        post(
            number,
            author_id=f"author-{number // 5}",
            market=("US", "DE", "JP")[number % 3],
            created_at=START + timedelta(hours=number) if dated else None,
        )
        for number in range(count)
    ]
    put(lake, posts, [judgement(row["post_id"], violates=place % 4 == 0) for place, row in enumerate(posts)])
