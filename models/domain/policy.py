"""Policies and policy sets: community guidelines as data that a policy specialist reads and edits."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.domain.content import Action

OPENAI_CATEGORIES = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent",
    "self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors",
    "violence", "violence/graphic",
)  # fmt: skip

DEFAULT_MARKET = "default"
REVIEW_SECONDS = 60.0

Share = Annotated[float, Field(ge=0, le=1)]


def market_name(market: str) -> str:
    """As people read it: those that have no objectives of their own are the others."""
    return "other markets" if market == DEFAULT_MARKET else market


class Written(BaseModel):
    """Immutable, and strict about misspelt fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Policy(Written):
    """One rule of the guidelines."""

    key: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str = Field(min_length=1)
    definition: str = Field(min_length=20)
    severity: int = Field(ge=1, le=5, description="1 a nuisance, 5 danger to life")
    categories: tuple[str, ...] = Field(
        default=(), description="the moderation categories that clients know it by"
    )
    violating: tuple[str, ...] = Field(
        min_length=1, description="examples that violate, invented and harmless"
    )
    compliant: tuple[str, ...] = Field(min_length=1, description="examples that come close and do not")

    @model_validator(mode="after")
    def maps_to_known_categories(self) -> Self:
        unknown = sorted(set(self.categories) - set(OPENAI_CATEGORIES))
        if unknown:
            raise ValueError(
                f"{self.key} maps to unknown categories {unknown}; choose from {', '.join(OPENAI_CATEGORIES)}"
            )
        return self


class Objectives(Written):
    """What one market asks of the model."""

    precision: dict[Action, Share] = Field(
        description="the least precision at which an action may be automatic"
    )
    review_share: Share = Field(description="share of the market's traffic that moderators can review")
    review_seconds: float = Field(
        default=REVIEW_SECONDS,
        gt=0,
        exclude_if=lambda seconds: (
            seconds == REVIEW_SECONDS
        ),  # a snapshot's id is made of what is written here
        description="how long a moderator takes for a post, to say what reviews come to",
    )
    minimum_judgements: int = Field(
        ge=1, description="judged violations a threshold needs before it is trusted"
    )


class PolicySet(Written):
    """A set of policies and each market's objectives; `default` stands for markets without their own."""

    name: str
    title: str
    policies: tuple[Policy, ...] = Field(min_length=1)
    objectives: dict[str, Objectives]

    @model_validator(mode="after")
    def is_whole(self) -> Self:
        keys = self.keys
        if len(set(keys)) != len(keys):
            raise ValueError(
                f"{self.name} lists a policy twice: {sorted(k for k in keys if keys.count(k) > 1)}"
            )
        if DEFAULT_MARKET not in self.objectives:
            raise ValueError(f"{self.name} needs objectives for {DEFAULT_MARKET!r}")
        return self

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what it says, whatever its name; a field of a later release changes it only where it is used."""
        said = self.model_dump(mode="json", exclude_defaults=True, exclude={"name"})
        return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(policy.key for policy in self.policies)

    @property
    def markets(self) -> tuple[str, ...]:
        return tuple(self.objectives)

    def objectives_for(self, market: str) -> Objectives:
        return self.objectives.get(market, self.objectives[DEFAULT_MARKET])
