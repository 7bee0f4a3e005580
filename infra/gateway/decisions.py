"""POST /v1/decisions: posts in, decisions out; GET /v1/decisions/{id}: one that was made before."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC
from typing import Annotated, Any, Self

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from starlette.requests import Request
from starlette.responses import Response

from infra.gateway.errors import ApiError
from infra.gateway.gateway import Gateway
from infra.gateway.keys import Scope
from infra.gateway.route import GuardedRoute, needs
from infra.gateway.rows import Content, Row
from infra.gateway.shipping import records, unshipped
from infra.gateway.videos import Film
from models.content import Decision, Post
from models.folding import is_blank

MOST = 256  # posts of one request
ID = re.compile(r"[0-9a-f]{32}")

router = APIRouter(route_class=GuardedRoute, tags=["Decisions"])


class SentPost(Post):
    """A post whose image and video are base64; a long video may be named by its key instead."""

    model_config = ConfigDict(val_json_bytes="base64")

    video_key: str | None = Field(
        default=None, min_length=1, max_length=1024, description="key of the video in the gateway's store"
    )

    @model_validator(mode="after")
    def has_content(self) -> Self:
        if is_blank(self.text) and not (self.image or self.video or self.video_key):
            raise ValueError("a post needs text, an image or a video")
        if self.video and self.video_key:
            raise ValueError("a post has one video: send it along, or name its key")
        return self


class Posts(BaseModel):
    model_config = ConfigDict(extra="forbid")

    posts: list[SentPost] = Field(min_length=1, max_length=MOST)


class Decisions(BaseModel):
    """In the order of the posts."""

    decisions: list[Decision]


Asked = Annotated[
    Annotated[Posts, Tag("posts")] | Annotated[SentPost, Tag("post")],
    Discriminator(lambda body: "posts" if isinstance(body, dict) and "posts" in body else "post"),
]


@router.post("/v1/decisions", response_model=Decisions, openapi_extra=needs(Scope.DECIDE))
async def create_decisions(request: Request, asked: Asked) -> Response:
    """What is to be done with each post, by the objectives of its market."""
    gateway: Gateway = request.app.state.gateway
    posts = asked.posts if isinstance(asked, Posts) else [asked]
    contents = await asyncio.gather(*(_content(gateway, post, place) for place, post in enumerate(posts)))
    decided = await gateway.decide(contents)
    return _json({"decisions": [_public(one.row) for one in decided]})


@router.get("/v1/decisions/{decision_id}", response_model=Decision, openapi_extra=needs(Scope.READ))
async def get_decision(request: Request, decision_id: str) -> Response:
    """A decision that was made before, from the journal or the lake."""
    gateway: Gateway = request.app.state.gateway
    row = await asyncio.to_thread(_find, gateway, decision_id) if ID.fullmatch(decision_id) else None
    if row is None or row["action"] is None:
        raise ApiError(404, f"no decision {decision_id!r}", code="not_found", param="decision_id")
    return _json(_public(row))


async def _content(gateway: Gateway, post: SentPost, place: int) -> Content:
    standing, param = gateway.deck.standing, f"posts.{place}"
    watched = standing.champion is not None and "video" in standing.champion.modalities
    if is_blank(post.text) and not (post.image or watched):
        message = f"post {place} has a video only; the model sees text and images"
        raise ApiError(422, message, code="unsupported_modality", param=f"{param}.video")
    image = film = None
    if post.image:
        image = await gateway.images.opened(post.image, f"{param}.image", standing.image_sizes)
    if post.video and standing.watches:
        film = await gateway.videos.opened(post.video, f"{param}.video", standing.watches)
    elif post.video_key and standing.watches:
        film = await gateway.videos.stored(post.video_key, f"{param}.video_key", standing.watches)
    elif post.video or post.video_key:
        film = Film(post.video or b"", {})  # nobody here looks at it, and the decision says so
    return Content(post.post_id, post.text, image, post.market, film)


def _find(gateway: Gateway, decision_id: str) -> Row | None:
    """The journal first: what is shipped in the meantime is in the lake then."""
    line = unshipped(gateway.journals, decision_id)
    if line:
        return _timed(records(line).to_pylist()[0])
    table = gateway.lake.decisions
    if not table.exists():
        return None
    found = table.open().to_table(filter=f"decision_id = '{decision_id}'", limit=1).to_pylist()
    return _timed(found[0]) if found else None


def _timed(row: Row) -> Row:
    return row | {"decided_at": row["decided_at"].astimezone(UTC)}


def _public(row: Row) -> dict[str, Any]:
    fields = {name: row.get(name) for name in Decision.model_fields}
    fields["unread"] = fields["unread"] or []  # a decision of before does not say
    return fields | {"scores": {score["policy"]: score["score"] for score in row["scores"]}}


def _json(reply: dict[str, Any]) -> Response:
    return Response(orjson.dumps(reply, option=orjson.OPT_UTC_Z), media_type="application/json")
