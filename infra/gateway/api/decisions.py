"""POST /v1/decisions: posts in, decisions out; GET /v1/decisions/{id}: one that was made before."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC
from typing import Annotated, Any, Self

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator
from starlette.requests import Request
from starlette.responses import Response

from infra.forms import FormError, author_id, language, market, post_id
from infra.gateway.api.docs_page import SQUARE
from infra.gateway.api.gateway import Gateway
from infra.gateway.api.opening import Sent
from infra.gateway.api.route import GuardedRoute, decision_ids, needs
from infra.gateway.auth.keys import ApiKey, Scope
from infra.gateway.errors import ApiError
from infra.gateway.journal.journal_export import records, unshipped
from infra.gateway.media.images import Picture
from infra.gateway.media.videos import Film
from infra.gateway.models.live_models import Routing
from infra.gateway.models.rows import Content, Row
from models.domain.content import UNKNOWN_LANGUAGE, UNKNOWN_MARKET, Decision, Post
from models.domain.folding import is_blank

MAX_POSTS = 256  # posts of one request
ID = re.compile(r"[0-9a-f]{32}")

CAPTION = {"post_id": "post-1", "market": "DE", "language": "en", "text": "an invented harmless caption"}
EXAMPLES = {  # what /docs offers to send
    "one post": CAPTION | {"created_at": "2026-01-05T09:00:00Z", "author_id": "author-1", "views": 120},
    "several posts": {
        "posts": [CAPTION, {"post_id": "post-2", "market": "US", "text": "a picture", "image": SQUARE}]
    },
}

router = APIRouter(route_class=GuardedRoute, tags=["Decisions"])


def _named(given: object) -> str:
    return _told(post_id, given)


def _author(given: object) -> str | None:
    """Nobody, where the name is blank."""
    return None if _is_missing(given) else _told(author_id, given)


def _market(given: object) -> str:
    return UNKNOWN_MARKET if _is_missing(given) else _told(market, _text(given))


def _language(given: object) -> str:
    return UNKNOWN_LANGUAGE if _is_missing(given) else _told(language, _text(given))


def _is_missing(given: object) -> bool:
    return given is None or (isinstance(given, str) and not given.strip())


def _text(given: object) -> str:
    if not isinstance(given, str):
        raise ValueError("Input should be a valid string")  # noqa: TRY004 - pydantic's own words, and it wants those
    return given


def _told(form: Callable[[Any], str], given: object) -> str:
    """What a door of infra.forms makes of a field, or what it says, as pydantic tells it."""
    try:
        return form(given)
    except FormError as error:
        raise ValueError(error.detail) from None


_NAME = {"anyOf": [{"type": "string", "minLength": 1, "maxLength": 200}, {"type": "integer"}]}
_ENCODED = WithJsonSchema(
    {
        "anyOf": [{"type": "string", "contentEncoding": "base64"}, {"type": "null"}],
        "title": "base64, or a data: URL",
    }
)


class SentPost(Post):
    """A post whose image and video are base64 or data: URLs; a long video may be named by its key instead."""

    post_id: Annotated[str, BeforeValidator(_named), WithJsonSchema(_NAME)]
    author_id: Annotated[
        str | None, BeforeValidator(_author), WithJsonSchema({"anyOf": [*_NAME["anyOf"], {"type": "null"}]})
    ] = None
    market: Annotated[
        str,
        BeforeValidator(_market),
        WithJsonSchema({"type": ["string", "null"], "description": "ISO 3166-1"}),
    ] = UNKNOWN_MARKET
    language: Annotated[
        str,
        BeforeValidator(_language),
        WithJsonSchema({"type": ["string", "null"], "description": "BCP 47"}),
    ] = UNKNOWN_LANGUAGE
    image: Annotated[str | None, _ENCODED] = None  # type: ignore[assignment]
    video: Annotated[str | None, _ENCODED] = None  # type: ignore[assignment]
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
    """Two posts of one id are two posts: each is decided, in its place."""

    model_config = {"extra": "forbid"}

    posts: list[SentPost] = Field(min_length=1, max_length=MAX_POSTS)


class Decisions(BaseModel):
    """In the order of the posts."""

    decisions: list[Decision]


Asked = Annotated[
    Annotated[Posts, Tag("posts")] | Annotated[SentPost, Tag("post")],
    Discriminator(lambda body: "posts" if isinstance(body, dict) and "posts" in body else "post"),
]


@router.post(
    "/v1/decisions", response_model=Decisions, openapi_extra=needs(Scope.DECIDE, once=True, examples=EXAMPLES)
)
async def create_decisions(request: Request, asked: Asked) -> Response:
    """What is to be done with each post, by the objectives of its market."""
    gateway: Gateway = request.app.state.gateway
    posts = asked.posts if isinstance(asked, Posts) else [asked]
    standing = gateway.deck.standing
    shown = [list(_shown(post, place, standing)) for place, post in enumerate(posts)]
    sent, key_id = [one for of_post in shown for one in of_post], request.scope["key_id"]
    opened = iter(await gateway.openers.opened(key_id, sent, standing) if sent else ())
    contents = [
        _content(post, [next(opened) for _ in of_post], key_id, decision_id)
        for post, of_post, decision_id in zip(posts, shown, decision_ids(request, len(posts)), strict=True)
    ]
    decided = await gateway.decide(contents, standing if sent else None)
    return _json({"decisions": [_public(one.row) for one in decided]})


@router.get("/v1/decisions/{decision_id}", response_model=Decision, openapi_extra=needs(Scope.READ))
async def get_decision(request: Request, decision_id: str) -> Response:
    """A decision that this key asked for before, from the journal or the lake; with scope admin, anybody's."""
    gateway: Gateway = request.app.state.gateway
    key: ApiKey = request.scope["api_key"]
    row = None
    if ID.fullmatch(decision_id):
        row = await gateway.look_ups.run(key.key_id, lambda: _find(gateway, decision_id))
    # another key's is told like one that never was: an id cannot be tried out
    if row is None or row["action"] is None or not _may_read(key, row):
        raise ApiError(404, f"no decision {decision_id[:64]!r}", code="not_found", param="decision_id")
    return _json(_public(row))


def _may_read(key: ApiKey, row: Row) -> bool:
    """Whose decision it is was not kept before there was such a column: those are an admin's."""
    return key.allows(Scope.ADMIN) or row.get("key_id") == key.key_id


def _shown(post: SentPost, place: int, standing: Routing) -> list[Sent]:
    """What of the post is to be opened. Raises ApiError 422 where no model sees any of it."""
    param = f"posts.{place}"
    watched = standing.champion is not None and standing.champion.bundle.scorer.looks_at("video")
    opened = bool(standing.ways("video") or standing.readers("video"))
    if is_blank(post.text) and not (post.image or watched):
        message = f"post {place} has a video only; the model sees text and images"
        raise ApiError(422, message, code="unsupported_modality", param=f"{param}.video")
    sent = [Sent("image", "base64", post.image, f"{param}.image")] if post.image else []
    if post.video and opened:
        sent.append(Sent("video", "base64", post.video, f"{param}.video"))
    elif post.video_key and opened:
        sent.append(Sent("video", "key", post.video_key, f"{param}.video_key"))
    return sent


def _content(post: SentPost, opened: list[Picture | Film], key_id: str, decision_id: str | None) -> Content:
    image = next((one for one in opened if isinstance(one, Picture)), None)
    film = next((one for one in opened if isinstance(one, Film)), None)
    if film is None and (post.video or post.video_key):
        film = Film({})  # nobody here looks at it, and the decision says so
    return Content(post.post_id, post.text, image, post.market, film, key_id, decision_id)


def _find(gateway: Gateway, decision_id: str) -> Row | None:
    """The journal first: what is shipped in the meantime is in the lake then."""
    line = unshipped(gateway.journals, decision_id)
    if line:
        return _timed(records(line).to_pylist()[0])
    table = gateway.decisions.opened()
    found = table.to_table(filter=f"decision_id = '{decision_id}'", limit=1).to_pylist() if table else []
    return _timed(found[0]) if found else None


def _timed(row: Row) -> Row:
    return row | {"decided_at": row["decided_at"].astimezone(UTC)}


def _public(row: Row) -> dict[str, Any]:
    fields = {name: row.get(name) for name in Decision.model_fields}
    for name in ("unread", "not_assessed"):
        fields[name] = fields[name] or []  # a decision of before does not say
    return fields | {"scores": {score["policy"]: score["score"] for score in row["scores"]}}


def _json(reply: dict[str, Any]) -> Response:
    return Response(orjson.dumps(reply, option=orjson.OPT_UTC_Z), media_type="application/json")
