"""POST /v1/moderations: OpenAI's moderation API over the policy set's mapping to its categories."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, Discriminator, Field, Tag
from starlette.requests import Request
from starlette.responses import Response

from infra.forms import FormError, post_id
from infra.gateway.api.answers import Retried
from infra.gateway.api.docs_page import SQUARE
from infra.gateway.api.gateway import Gateway
from infra.gateway.api.opening import Sent
from infra.gateway.api.route import GuardedRoute, decision_ids, needs
from infra.gateway.auth.keys import Scope
from infra.gateway.errors import ApiError
from infra.gateway.identity import secret_id
from infra.gateway.media.images import Picture
from infra.gateway.models.live_models import LoadedModel, Routing
from infra.gateway.models.rows import Content, Row
from models.domain.content import MAX_TEXT, NONE_OF_IT, UNKNOWN_MARKET, Action, Unread
from models.domain.folding import is_blank

MAX_TEXTS = 256  # texts of one request
INPUT_TYPES = ("text", "image")  # of OpenAI's
POST_ID, MAX_NAME = "x-post-id", 190  # characters; a list adds each text's place

CAPTION = "an invented harmless caption"
EXAMPLES = {  # what /docs offers to send
    "a text": {"input": CAPTION},
    "several texts": {"input": [CAPTION, "another one"]},
    "a text and a picture": {
        "input": [
            {"type": "text", "text": CAPTION},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{SQUARE}"}},
        ]
    },
}

router = APIRouter(route_class=GuardedRoute, tags=["OpenAI"])

Text = Annotated[str, Field(max_length=MAX_TEXT)]  # one of which nothing is seen has a result too


class ImageUrl(BaseModel):
    url: str = Field(description="data:image/...;base64,... or https:// on an allowed host")


class TextPart(BaseModel):
    type: Literal["text"]
    text: Text


class ImagePart(BaseModel):
    """OpenAI's own clients send an object, others its `url` alone."""

    type: Literal["image_url"]
    image_url: ImageUrl | str

    @property
    def address(self) -> str:
        return self.image_url if isinstance(self.image_url, str) else self.image_url.url


Part = Annotated[TextPart | ImagePart, Field(discriminator="type")]


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "parts" if value and isinstance(value[0], dict) else "texts"
    return "text"


class ModerationRequest(BaseModel):
    """A text, several texts, or the parts of one post."""

    model: str | None = Field(
        default=None, description="taken as it comes: who decides is the registry's matter"
    )
    input: Annotated[
        Annotated[Text, Field(min_length=1), Tag("text")]
        | Annotated[list[Text], Field(min_length=1, max_length=MAX_TEXTS), Tag("texts")]
        | Annotated[list[Part], Field(min_length=1, max_length=MAX_TEXTS), Tag("parts")],
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
    not_assessed: list[str] = Field(
        description="categories left out above, because nobody judged a post for any policy that maps to them; "
        "OpenAI has no such field"
    )


class Moderation(BaseModel):
    """One result a text, or one for all parts."""

    id: str
    model: str
    results: list[ModerationResult]


@router.post(
    "/v1/moderations",
    response_model=Moderation,
    openapi_extra=needs(Scope.DECIDE, once=True, examples=EXAMPLES),
)
async def create_moderation(request: Request, asked: ModerationRequest) -> Response:
    """Whether content violates the guidelines, in OpenAI's categories. A text of which a reader sees nothing is not
    flagged, and was assessed by no input type.
    """
    gateway: Gateway = request.app.state.gateway
    standing = gateway.deck.standing
    contents = await _contents(asked, _post_id(request), request, standing)
    shown = [content for content in contents if content.image or not is_blank(content.text)]
    has_image = any(content.image for content in shown)
    decided = iter(await gateway.decide(shown, standing if has_image else None))
    results = [next(decided) if content in shown else None for content in contents]
    served = next((one.served for one in results if one), None) or gateway.champion
    retried: Retried | None = request.scope.get("retried")
    reply = {
        "id": f"modr-{retried.id_of('answer') if retried else secret_id()}",
        "model": f"{gateway.settings.registered_model}-{served.version}",
        "results": [
            _result(one.row, one.content, one.served) if one else _nothing(served) for one in results
        ],
    }
    return Response(orjson.dumps(reply), media_type="application/json")


def _post_id(request: Request) -> str | None:
    """The caller's own name for the post."""
    given = request.headers.get(POST_ID)
    if given is None:
        return None
    if len(given) > MAX_NAME:
        message = f"X-Post-Id has {len(given)} characters, 1 to {MAX_NAME}"
        raise ApiError(400, message, code="invalid_value", param=POST_ID)
    try:
        return post_id(given)
    except FormError as error:
        raise ApiError(400, f"X-Post-Id: {error.detail}", code="invalid_value", param=POST_ID) from None


async def _contents(
    asked: ModerationRequest, name: str | None, request: Request, standing: Routing
) -> list[Content]:
    key_id, given = request.scope["key_id"], asked.input
    texts = [given] if isinstance(given, str) else [part for part in given if isinstance(part, str)]
    if texts:
        names = _names(name, texts, listed=not isinstance(given, str))
        ids = decision_ids(request, len(texts))
        return [
            Content(post, text, None, UNKNOWN_MARKET, None, key_id, decision_id)
            for post, text, decision_id in zip(names, texts, ids, strict=True)
        ]
    parts = [part for part in given if not isinstance(part, str)]
    text = _joined(parts)
    sent = [_sent(part.address) for part in parts if isinstance(part, ImagePart)]
    if len(sent) > 1:
        raise ApiError(400, f"{len(sent)} images; one a request", code="too_many_images", param="input")
    gateway: Gateway = request.app.state.gateway
    (image,) = await gateway.openers.opened(key_id, sent, standing) if sent else [None]
    assert image is None or isinstance(image, Picture)
    (decision_id,) = decision_ids(request, 1)
    return [Content(name or _name(text, image), text, image, UNKNOWN_MARKET, None, key_id, decision_id)]


def _names(name: str | None, texts: list[str], *, listed: bool) -> list[str]:
    if name is None:
        return [_name(text, None) for text in texts]
    return [f"{name}/{place}" for place in range(len(texts))] if listed else [name]


def _joined(parts: list[TextPart | ImagePart]) -> str | None:
    """The texts of one post; raises ApiError 422."""
    text = "\n".join(part.text for part in parts if isinstance(part, TextPart)) or None
    if text is not None and len(text) > MAX_TEXT:
        message = f"the texts have {len(text)} characters, at most {MAX_TEXT}"
        raise ApiError(422, message, code="too_large", param="input")
    return text


def _sent(address: str) -> Sent:
    is_data = address.lstrip()[:5].lower() == "data:"
    return Sent("image", "base64" if is_data else "address", address, "input")


def _name(text: str | None, image: Picture | None) -> str:
    """Content without a name of its own is named by what it says, so that it meets the same model each time."""
    digest = hashlib.blake2b((text or "").encode(), digest_size=16)
    digest.update(b"\0" + (image.digest if image else b""))
    return digest.hexdigest()


def _result(row: Row, content: Content, served: LoadedModel) -> dict[str, Any]:
    """A category has the highest score of the policies that map to it, and applies where one of them took action."""
    scores = {score["policy"]: score["score"] for score in row["scores"]}
    hit = {reason["policy"] for reason in row["reasons"]}
    missed = {item["part"] for item in row["unread"] if item["reason"] in NONE_OF_IT}
    looked_at = filter(served.bundle.scorer.looks_at, INPUT_TYPES)
    assessed = [kind for kind in looked_at if getattr(content, kind) and kind not in missed]
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
        "not_assessed": served.not_assessed,
    }


def _nothing(served: LoadedModel) -> dict[str, Any]:
    """The result of a text of which nothing is seen: no model was asked, and no decision is on record."""
    return {
        "flagged": False,
        "categories": dict.fromkeys(served.categories, False),
        "category_scores": dict.fromkeys(served.categories, 0.0),
        "category_applied_input_types": {name: [] for name in served.categories},
        "unread": [],
        "not_assessed": served.not_assessed,
    }
