"""The nouns: Post and Decision, and the vocabulary their fields share."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from models.domain.folding import is_blank

MAX_TEXT = 50_000  # characters; longer text is rejected at ingest

MarketCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2; ZZ when unknown")]
LanguageCode = Annotated[
    str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", description="BCP 47; und when unknown")
]

UNKNOWN_MARKET = "ZZ"
UNKNOWN_LANGUAGE = "und"


class Action(StrEnum):
    """What is done with a post, mildest first."""

    ALLOW = "allow"
    LIMIT = "limit"
    AGE_GATE = "age_gate"
    REVIEW = "review"
    REMOVE = "remove"


class JudgementSource(StrEnum):
    MODERATOR = "moderator"
    APPEAL = "appeal"
    IMPORT = "import"
    LLM = "llm"


PEOPLE = (JudgementSource.MODERATOR, JudgementSource.APPEAL)  # whose word a model is measured by


class Part(StrEnum):
    """Of a post."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"


class NotRead(StrEnum):
    """Why a part was not read, or not all of it."""

    BEYOND_LIMIT = "beyond_limit"  # longer than is read; what lies before was
    SKIPPED = "skipped"  # looked at here and there: what lies between was not
    UNREADABLE = "unreadable"  # none of it could be opened
    NOT_SEEN = "not_seen"  # the model does not look at such parts at all


NONE_OF_IT = frozenset({NotRead.UNREADABLE, NotRead.NOT_SEEN})


class Noun(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Post(Noun):
    """Something a person published. Any of text, image and video may be missing, never all three."""

    post_id: str = Field(min_length=1, max_length=200)
    author_id: str | None = Field(default=None, description="missing when the source does not say")
    market: MarketCode = UNKNOWN_MARKET
    language: LanguageCode = UNKNOWN_LANGUAGE
    created_at: AwareDatetime | None = Field(
        default=None, description="UTC; missing when the source does not say"
    )
    text: str | None = Field(default=None, max_length=MAX_TEXT)
    image: bytes | None = None
    video: bytes | None = None
    views: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def has_content(self) -> Self:
        if is_blank(self.text) and not (self.image or self.video):
            raise ValueError("a post needs text, an image or a video")
        return self


class Reason(Noun):
    """Why an action was taken: the policy, its calibrated score, and the market's threshold that it passed."""

    policy: str
    score: float
    threshold: float
    action: Action
    market: str


class Unread(Noun):
    """What of a post the model did not read, though people see it."""

    part: Part
    reason: NotRead
    detail: str = Field(default="", description="for people, as in: 12,000 of 40,000 characters were read")


class Decision(Noun):
    """What a model made of a post."""

    decision_id: str
    post_id: str
    market: str
    model_version: str
    role: str = Field(description="champion, challenger or shadow")
    scores: dict[str, float]
    action: Action
    reasons: tuple[Reason, ...] = ()
    unread: tuple[Unread, ...] = Field(default=(), description="what was not read; empty where all was")
    not_assessed: tuple[str, ...] = Field(
        default=(), description="policies that nobody had judged a post for: they have no score and no say"
    )
    latency_ms: float
    decided_at: datetime
    policy_digest: str | None = Field(
        default=None, description="SHA-256 of the policy set that decided; missing in decisions of before"
    )
