"""POST /v1/moderations: OpenAI's moderation API over the policy set's mapping to its categories."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, Discriminator, Field, Tag
from starlette.requests import Request
from starlette.responses import Response

from infra.gateway.errors import ApiError
from infra.gateway.gateway import Gateway
from infra.gateway.identity import new_id
from infra.gateway.images import Picture
from infra.gateway.keys import Scope
from infra.gateway.route import GuardedRoute, needs
from infra.gateway.rows import Content, Row
from infra.gateway.served import Served
from models.content import MAX_TEXT, NONE_OF_IT, UNKNOWN_MARKET, Action, Unread

MOST = 256  # texts of one request
POST_ID, MAX_NAME = "x-post-id", 190  # characters; a list adds each text's place

router = APIRouter(route_class=GuardedRoute, tags=["OpenAI"])

Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]


class ImageUrl(BaseModel):
    url: str = Field(description="data:image/...;base64,... or https:// on an allowed host")


class TextPart(BaseModel):
    type: Literal["text"]
    text: Text


class ImagePart(BaseModel):
    type: Literal["image_url"]
    image_url: ImageUrl


Part = Annotated[TextPart | ImagePart, Field(discriminator="type")]


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "parts" if value and isinstance(value[0], dict) else "texts"
    return "text"


class ModerationRequest(BaseModel):
    """A text, several texts, or the parts of one post."""

    model: str = Field(
        default="moderato", description="taken as it comes: who decides is the registry's matter"
    )
    input: Annotated[
        Annotated[Text, Tag("text")]
        | Annotated[list[Text], Field(min_length=1, max_length=MOST), Tag("texts")]
        | Annotated[list[Part], Field(min_length=1, max_length=MOST), Tag("parts")],
        Discriminator(_kind),
    ]


class ModerationResult(BaseModel):
    flagged: bool
    categories: dict[str, bool]
    category_scores: dict[str, float]
    category_applied_input_types: dict[str, list[Literal["text", "image"]]]
    unread: list[Unread] = Field(
        description="what was not read, though people see it; OpenAI has no such field"
    )


class Moderation(BaseModel):
    """One result a text, or one for all parts."""

    id: str
    model: str
    results: list[ModerationResult]


@router.post("/v1/moderations", response_model=Moderation, openapi_extra=needs(Scope.DECIDE))
async def create_moderation(request: Request, asked: ModerationRequest) -> Response:
    """Whether content violates the guidelines, in OpenAI's categories."""
    gateway: Gateway = request.app.state.gateway
    contents = await _contents(asked, _post_id(request), gateway)
    decided = await gateway.decide(contents)
    reply = {
        "id": f"modr-{new_id()}",
        "model": f"{gateway.settings.registered_model}-{decided[0].served.version}",
        "results": [_result(one.row, one.content, one.served) for one in decided],
    }
    return Response(orjson.dumps(reply), media_type="application/json")


def _post_id(request: Request) -> str | None:
    """The caller's own name for the post."""
    given = request.headers.get(POST_ID)
    if given is not None and not 0 < len(given) <= MAX_NAME:
        raise ApiError(
            400,
            f"X-Post-Id has {len(given)} characters, 1 to {MAX_NAME}",
            code="invalid_value",
            param=POST_ID,
        )
    return given


async def _contents(asked: ModerationRequest, post_id: str | None, gateway: Gateway) -> list[Content]:
    given = asked.input
    if isinstance(given, str):
        return [Content(post_id or _name(given, None), given, None, UNKNOWN_MARKET)]
    texts = [part for part in given if isinstance(part, str)]
    if texts:
        names = [f"{post_id}/{place}" if post_id else _name(text, None) for place, text in enumerate(texts)]
        return [Content(name, text, None, UNKNOWN_MARKET) for name, text in zip(names, texts, strict=True)]
    text = "\n".join(part.text for part in given if isinstance(part, TextPart)) or None
    if text is not None and len(text) > MAX_TEXT:
        raise ApiError(
            422, f"the texts have {len(text)} characters, at most {MAX_TEXT}", code="too_large", param="input"
        )
    urls = [part.image_url.url for part in given if isinstance(part, ImagePart)]
    if len(urls) > 1:
        raise ApiError(400, f"{len(urls)} images; one a request", code="too_many_images", param="input")
    image = await gateway.images.at(urls[0], "input", gateway.deck.standing.image_sizes) if urls else None
    return [Content(post_id or _name(text, image), text, image, UNKNOWN_MARKET)]


def _name(text: str | None, image: Picture | None) -> str:
    """Content without a name of its own is named by what it says, so that it meets the same model each time."""
    digest = hashlib.blake2b((text or "").encode(), digest_size=16)
    digest.update(b"\0" + (image.data if image else b""))
    return digest.hexdigest()


def _result(row: Row, content: Content, served: Served) -> dict[str, Any]:
    """A category has the highest score of the policies that map to it, and applies where one of them took action."""
    scores = {score["policy"]: score["score"] for score in row["scores"]}
    hit = {reason["policy"] for reason in row["reasons"]}
    missed = {item["part"] for item in row["unread"] if item["reason"] in NONE_OF_IT}
    assessed = [kind for kind in served.modalities if getattr(content, kind) and kind not in missed]
    mapped = served.categories
    return {
        "flagged": row["action"] != Action.ALLOW,
        "categories": {name: not hit.isdisjoint(policies) for name, policies in mapped.items()},
        "category_scores": {
            name: max((scores[policy] for policy in policies), default=0.0)
            for name, policies in mapped.items()
        },
        "category_applied_input_types": {
            name: assessed if policies else [] for name, policies in mapped.items()
        },
        "unread": row["unread"],
    }
