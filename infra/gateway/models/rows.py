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

from infra.gateway.identity import secret_id
from infra.gateway.media.images import Picture
from infra.gateway.media.videos import Film
from infra.gateway.models.live_models import LoadedModel, Routing
from models.data.pixels import Sight
from models.data.said import said
from models.data.video import Watch
from models.domain.content import Part, Reason, Unread
from models.inference.scorer import Scorer
from models.readers.base.reading import Read, read_in

Row = dict[str, Any]  # of models.domain.schemas.DECISIONS, its time as text

CHAMPION, CHALLENGER, SHADOW = "champion", "challenger", "shadow"


@dataclass(slots=True, eq=False)
class Content:
    """What a model sees of a post."""

    post_id: str
    text: str | None
    image: Picture | None
    market: str
    video: Film | None = None
    key_id: str | None = None  # of the API key that asked
    decision_id: str | None = None  # of the live decision, where its request names it

    def suits(self, standing: Routing) -> bool:
        """Whether what it shows was opened as every model of the standing wants it."""
        return (self.image is None or _is_for(self.image, "image", standing)) and (
            self.video is None or _is_for(self.video, "video", standing)
        )

    @property
    def read(self) -> Read:
        """What readers read in what it shows."""
        image = read_in(Part.IMAGE, self.image.read) if self.image else {}
        return image | read_in(Part.VIDEO, self.video.read) if self.video else image


def _is_for(opened: Picture | Film, kind: str, standing: Routing) -> bool:
    read = {one.reader.name for one in standing.readers(kind)}
    return opened.shown.keys() >= set(standing.ways(kind)) and opened.read.keys() >= read


@dataclass(slots=True, eq=False)
class Waiting:
    """A post on its way through one model; `done` gets its row, and is missing for a shadow."""

    content: Content
    served: LoadedModel
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
    sight, watch = bundle.scorer.sight, bundle.scorer.watch
    images = [content.image.at(sight) if content.image else None for content in contents]
    videos = [content.video.at(watch) if content.video else None for content in contents]
    texts, unsaid = _said(bundle.scorer, contents)
    scores, unread = bundle.read(texts, images, videos)
    actions, reasons = bundle.decide(scores, [content.market for content in contents])
    if not np.isfinite(scores).all():
        raise ValueError("the model's scores are not finite")
    scores = scores.astype(np.float32)  # as the table keeps them, so that both tell the same
    told = [(column, p) for column, p in enumerate(bundle.policies) if p in bundle.assessed]
    idle = list(bundle.operating_points.not_assessed)
    latency, now = (time.perf_counter() - began) * 1e3, _now()
    return [
        _row(post, latency, now)
        | {
            "scores": [{"policy": p, "score": values[column]} for column, p in told],
            "not_assessed": idle,
            "action": str(action),
            "reasons": [_reason(reason) for reason in given],
            "unread": [
                item.model_dump(mode="json")
                for item in (*missed, *_unseen(post.content, sight, watch), *lost)
            ],
        }
        for post, values, action, given, missed, lost in zip(
            batch, scores.tolist(), actions, reasons, unread, unsaid, strict=True
        )
    ]


def _said(scorer: Scorer, contents: Sequence[Content]) -> tuple[list[str | None], list[list[Unread]]]:
    """What each post says to the model: its text, and behind it what was read where it was opened; and what of that
    could not be.
    """
    if scorer.readers is None:
        return [content.text for content in contents], [[] for _ in contents]
    told = [scorer.readers.told(content.read) for content in contents]
    texts = [said(content.text, words) for content, (words, _) in zip(contents, told, strict=True)]
    return texts, [missed for _, missed in told]


def _unseen(content: Content, sight: Sight, watch: Watch) -> tuple[Unread, ...]:
    """What of a picture and a video was left out when it was opened for the model."""
    image = content.image.unread(sight) if content.image else ()
    return (*image, *content.video.unread(watch)) if content.video else image


def _failed(post: Waiting, error: Exception) -> Row:
    return (
        _row(post, 0.0, _now())
        | {
            "decision_id": secret_id(),  # the request may be sent again, and its own name is for what comes of it then
            "error": f"{type(error).__name__}: {error}"[:300],
        }
    )


def _row(post: Waiting, latency: float, now: str) -> Row:
    return {
        "decision_id": (post.content.decision_id if post.shadow_of is None else None) or secret_id(),
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
        "not_assessed": [],
        "key_id": post.content.key_id,
        "policy_digest": post.served.bundle.policy_set.digest,
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
