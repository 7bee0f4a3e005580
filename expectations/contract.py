"""What every suite has to keep. The tests run over ours, `moderato check parts` over others'."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from expectations.running import run
from expectations.suite import Read, Scope, Suite
from models.domain.policy import PolicySet
from models.domain.schemas import JUDGEMENTS, POSTS, SPLITS, snapshot_schema

INGESTED, START = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
NUMBER = 80  # posts


def of_suite(suite: Suite, policy_set: PolicySet) -> list[str]:
    """A suite runs over a small platform that nobody made: queries that fail are faults, expectations unmet are not."""
    with tempfile.TemporaryDirectory(prefix="moderato-") as folder:
        report = run([suite], Scope(policy_set, _tables(policy_set)), Path(folder))
    faults = [] if suite.title else ["it has no title"]
    if not report.outcomes:
        faults.append("it expects nothing")
    for outcome in report.outcomes:
        if not outcome.result.expectation_config.description:
            faults.append(
                f"{outcome.part}: an expectation has no description, which is what people read when it is not met"
            )
        raised = (outcome.result.exception_info or {}).get("exception_message")
        if raised:
            faults.append(f"{outcome.part}: {raised}")
    return faults


def _tables(policy_set: PolicySet) -> dict[str, Read]:
    posts = [_post(number) for number in range(NUMBER)]
    judgements = [
        {
            "post_id": post["post_id"],
            "policy": policy_set.keys[0],
            "source": "moderator",
            "moderator_id": "moderator-1",
            "violates": place % 3 == 0,
            "decided_at": START,
            "ingested_at": INGESTED,
        }
        for place, post in enumerate(posts)
    ]
    width = len(policy_set.keys)
    snapshot = [
        {
            **post,
            "cluster": place,
            "split": _split(place),
            "labels": [float(place % 3 == 0)] * width,
            "votes": [1] * width,
        }
        for place, post in enumerate(posts)
    ]
    placed = snapshot_schema(policy_set.keys)
    seen = POSTS.append(placed.field("has_media"))  # the lake's reader works it out
    return {
        "posts": _reader(posts, seen),
        "judgements": _reader(judgements, JUDGEMENTS),
        "snapshot": _reader(snapshot, placed),
    }


def _split(place: int) -> str:
    return SPLITS[0 if place < NUMBER // 2 else 1 + place % 3]


def _post(number: int) -> dict[str, Any]:
    return {
        "post_id": f"post-{number}",
        "author_id": f"author-{number // 5}",
        "market": ("US", "DE", "JP")[number % 3],
        "language": "en",
        "created_at": START + timedelta(hours=number),
        "text": f"an invented text of number {number * 7919}",
        "image": None,
        "video": None,
        "views": 0,
        "source": "contract",
        "digest": str(number),
        "version": 1,
        "ingested_at": INGESTED,
        "has_media": False,
    }


def _reader(rows: list[dict[str, Any]], schema: pa.Schema) -> Read:
    table = pa.Table.from_pylist(rows, schema=schema)

    def read(columns: Sequence[str]) -> pa.RecordBatchReader:
        return table.select(list(columns)).to_reader()

    return read
