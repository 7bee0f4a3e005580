"""The parameter form of a retraining: what a person is asked in Prefect's page, group by group.

The server checks types, bounds and choices before a run starts; `checked` says the rest in the run's first second.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.types import JsonValue

from infra.rollout import GUARDRAILS, PLANS, plan_named
from infra.settings import Settings
from models.catalogue import Catalogue
from models.policies import POLICY_SETS
from models.preset import preset_named
from tasks.approval import can_ask

When = Literal["automatic", "before canary", "before promotion"]
Answer = Literal["approve", "reject"]


def _named(entries: Catalogue[Any] | Iterable[str]) -> list[JsonValue]:
    return [*(entries.names() if isinstance(entries, Catalogue) else entries)]


class Group(BaseModel):
    """One box of the form."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Data(Group):
    """What to learn from."""

    policy_set: str = Field(
        default="community_guidelines",
        description="Policy set that posts are judged against.",
        json_schema_extra={"position": 0, "enum": _named(POLICY_SETS)},
    )
    as_of: datetime | None = Field(
        default=None,
        description="Learn from the lake as it was at this time, UTC unless it says; now when empty.",
        json_schema_extra={"position": 1},
    )

    @field_validator("as_of")
    @classmethod
    def in_utc(cls, time: datetime | None) -> datetime | None:
        return time.replace(tzinfo=UTC) if time and time.tzinfo is None else time


class Training(Group):
    """How to train."""

    preset: str = Field(
        default="compact",
        description="Model preset, with changed fields behind it: compact,epochs=5.",
        json_schema_extra={"position": 0},
    )
    seed: int = Field(
        default=0,
        ge=0,
        le=2**31 - 1,
        description="Seed of splits, initial weights and batch order.",
        json_schema_extra={"position": 1},
    )


class RollOut(Group):
    """How the new model meets traffic."""

    canary: bool = Field(
        default=True,
        description="Climb through live traffic; otherwise it is promoted at once.",
        json_schema_extra={"position": 0},
    )
    plan: str = Field(
        default="steady",
        description="Plan of the canary: its stages and how strict they are.",
        json_schema_extra={"position": 1, "enum": _named(PLANS)},
    )
    dry_run: tuple[str, ...] = Field(
        default=(),
        description="Guardrails that are measured without a say.",
        json_schema_extra={"position": 2, "items": {"type": "string", "enum": _named(GUARDRAILS)}},
    )


class Approval(Group):
    """Who approves."""

    when: When = Field(
        default="automatic",
        description="Automatic, or wait for a person who compares candidate and champion.",
        json_schema_extra={"position": 0},
    )
    hours: float = Field(
        default=24.0,
        gt=0,
        le=720,
        description="Hours to wait for the answer.",
        json_schema_extra={"position": 1},
    )
    otherwise: Answer = Field(
        default="reject",
        description="What happens when nobody has answered by then.",
        json_schema_extra={"position": 2},
    )


def checked(data: Data, training: Training, rollout: RollOut, approval: Approval) -> Settings:
    """The settings of a run; raises UserError, which lists the choices, before any work is done."""
    _ = POLICY_SETS[data.policy_set]
    preset_named(training.preset)
    plan_named(rollout.plan).guardrails(rollout.dry_run)
    if approval.when != "automatic":
        can_ask()
    return Settings()


def defaults(settings: Settings) -> dict[str, dict[str, Any]]:
    """What the form of a deployment shows first: the settings' own choices."""
    return {
        "data": Data(policy_set=settings.policy_set).model_dump(mode="json", exclude={"as_of"}),
        "training": Training(preset=settings.preset, seed=settings.seed).model_dump(mode="json"),
        "rollout": RollOut(plan=settings.plan).model_dump(mode="json"),
        "approval": Approval().model_dump(mode="json"),
    }
