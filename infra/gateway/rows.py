"""From posts that wait for one model to rows of the decisions table. Runs in the scoring thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import numpy as np

from infra.gateway.identity import new_id
from infra.gateway.images import Picture
from infra.gateway.served import Served
from infra.gateway.videos import Film
from models.content import NONE_OF_IT, Reason, Unread

Row = dict[str, Any]  # of models.schemas.DECISIONS, its time as text

CHAMPION, CHALLENGER, SHADOW = "champion", "challenger", "shadow"


@dataclass(slots=True, eq=False)
class Content:
    """What a model sees of a post."""

    post_id: str
    text: str | None
    image: Picture | None
    market: str
    video: Film | None = None


@dataclass(slots=True, eq=False)
class Waiting:
    """A post on its way through one model; `done` gets its row, and is missing for a shadow."""

    content: Content
    served: Served
    role: str
    arrived: float
    rollout: str | None = None
    stage: int | None = None
    shadow_of: str | None = None
    live_action: str | None = None
    live_policies: list[str] | None = None
    done: asyncio.Future[Row] | None = None


def rows_of(posts: Sequence[Waiting]) -> list[Row]:
    """One row a post; the posts of one model follow each other, and are one batch."""
    batches = (list(batch) for _, batch in groupby(posts, key=lambda post: id(post.served)))
    return [row for batch in batches for row in _tried(batch)]


def _tried(batch: Sequence[Waiting]) -> list[Row]:
    """A batch that fails is tried post by post, so that one post cannot fail the others."""
    try:
        return _scored(batch)
    except Exception as error:  # noqa: BLE001 - a model may fail in any way
        if len(batch) == 1:
            return [_failed(batch[0], error)]
        return [row for post in batch for row in _tried([post])]


def _scored(batch: Sequence[Waiting]) -> list[Row]:
    bundle, contents = batch[0].served.bundle, [post.content for post in batch]
    began = time.perf_counter()
    size = batch[0].served.image_size
    images = [content.image.at(size) if content.image else None for content in contents]
    watch = bundle.scorer.watch
    videos = [content.video.at(watch) if content.video else None for content in contents]
    scores, unread = bundle.read([content.text for content in contents], images, videos)
    actions, reasons = bundle.decide(scores, [content.market for content in contents])
    if not np.isfinite(scores).all():
        raise ValueError("the model's scores are not finite")
    scores = scores.astype(np.float32)  # as the table keeps them, so that both tell the same
    latency, now = (time.perf_counter() - began) * 1e3, _now()
    return [
        _row(post, latency, now)
        | {
            "scores": [{"policy": p, "score": s} for p, s in zip(bundle.policies, values, strict=True)],
            "action": str(action),
            "reasons": [_reason(reason) for reason in given],
            "unread": [item.model_dump(mode="json") for item in _unread(post.content, missed)],
        }
        for post, values, action, given, missed in zip(
            batch, scores.tolist(), actions, reasons, unread, strict=True
        )
    ]


def _unread(content: Content, by_model: Sequence[Unread]) -> list[Unread]:
    """What the model did not read, and of what it was shown, what was left out when it was opened."""
    unseen = {item.part for item in by_model if item.reason in NONE_OF_IT}
    opened = [
        *(content.image.unread if content.image else ()),
        *(content.video.unread if content.video else ()),
    ]
    return [*by_model, *(item for item in opened if item.part not in unseen)]


def _failed(post: Waiting, error: Exception) -> Row:
    return _row(post, 0.0, _now()) | {"error": f"{type(error).__name__}: {error}"[:300]}


def _row(post: Waiting, latency: float, now: str) -> Row:
    return {
        "decision_id": new_id(),
        "post_id": post.content.post_id,
        "market": post.content.market,
        "model_version": post.served.version,
        "role": post.role,
        "shadow_of": post.shadow_of,
        "live_action": post.live_action,
        "live_policies": post.live_policies,
        "rollout": post.rollout,
        "stage": post.stage,
        "scores": [],
        "action": None,
        "reasons": [],
        "error": None,
        "latency_ms": latency,
        "decided_at": now,
        "unread": [],
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "policy": reason.policy,
        "score": float(np.float32(reason.score)),
        "threshold": float(np.float32(reason.threshold)),
        "action": str(reason.action),
        "market": reason.market,
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
