"""Plans: the stages of a rollout as data. How much traffic, how much evidence, how long, and how strict."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from infra.rollout.guardrail import Guardrail, Tolerance
from infra.rollout.guardrails import GUARDRAILS
from models.domain.catalogue import Catalogue, UnknownEntryError

MINUTE, DAY = 60.0, 86_400.0


class UnknownPlanError(UnknownEntryError):
    """A plan that does not exist."""


class Stage(BaseModel):
    """`share` is of the traffic that the challenger decides.

    `shadow` is of all traffic: posts that the model which does not decide them sees a copy of, for the pairs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    share: float = Field(ge=0, le=1)
    shadow: float = Field(default=0.0, ge=0, le=1)
    minimum_posts: int = Field(ge=1, description="that the challenger decided or saw in this stage")
    minimum_seconds: float = Field(ge=0)
    maximum_seconds: float = Field(gt=0, description="after which an inconclusive stage asks a person")

    @property
    def balance(self) -> float:
        """The part of the posts that both models are judged by which is the challenger's (Evidence.take)."""
        ours, theirs = self.share or self.shadow, 1 - self.share or self.shadow
        return ours / (ours + theirs)


class Rule(BaseModel):
    """Where a plan is stricter or milder with a guardrail than the guardrail's own file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tolerance: Tolerance | None = None
    decisive: bool | None = None
    importance: float | None = Field(default=None, gt=0)


class Plan(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    stages: tuple[Stage, ...] = Field(min_length=1)
    rules: dict[str, Rule] = Field(default_factory=dict, description="by guardrail")

    @model_validator(mode="after")
    def only_grows(self) -> Self:
        shares = [stage.share for stage in self.stages]
        if shares != sorted(shares) or shares[-1] != 1:
            raise ValueError(f"the shares of a plan grow to 1; these are {shares}")
        return self

    def guardrails(self, dry_run: Collection[str] = ()) -> list[Guardrail]:
        """Every guardrail as this plan has it; those in `dry_run` have no say. Raises UnknownEntryError."""
        unbound = {GUARDRAILS[name].name for name in dry_run}
        return [
            replace(
                guardrail,
                **self._changes(guardrail.name),
                binding=guardrail.name not in unbound,
            )
            for guardrail in GUARDRAILS
        ]

    def _changes(self, guardrail: str) -> dict[str, Any]:
        return {name: value for name, value in self.rules.get(guardrail, Rule()) if value is not None}


def _stages(shares: dict[str, float], **each: float) -> tuple[Stage, ...]:
    return tuple(
        Stage.model_validate({"name": name, "share": share, **each}) for name, share in shares.items()
    )


def steady() -> Plan:
    """For a platform: six stages of half an hour at least, three days at most."""
    shares = {"shadow": 0.0, "1 %": 0.01, "5 %": 0.05, "25 %": 0.25, "50 %": 0.5, "100 %": 1.0}
    each = {"shadow": 0.1, "minimum_posts": 2000, "minimum_seconds": 30 * MINUTE, "maximum_seconds": 3 * DAY}
    return Plan(name="steady", stages=_stages(shares, **each))


def brief() -> Plan:
    """For trying it out: hundreds of posts a stage show only what is plainly wrong; ten a second are enough."""
    shares = {"shadow": 0.0, "25 %": 0.25, "50 %": 0.5, "100 %": 1.0}
    each = {"shadow": 1.0, "minimum_posts": 250, "minimum_seconds": 3.0, "maximum_seconds": 3 * MINUTE}
    rules = {
        "error_rate": Rule(tolerance=Tolerance(absolute=0.05)),
        "latency_p50": Rule(tolerance=Tolerance(relative=0.5, absolute=10)),
        "latency_p99": Rule(tolerance=Tolerance(relative=0.5, absolute=50), decisive=False),
        "action_rate": Rule(tolerance=Tolerance(relative=0.25, absolute=0.05)),
        "score_shift": Rule(tolerance=Tolerance(relative=0.25, absolute=0.05)),
        "flip_rate": Rule(tolerance=Tolerance(absolute=0.15)),
    }
    return Plan(name="brief", stages=_stages(shares, **each), rules=rules)


PLANS = Catalogue(None, "PLAN", Plan, made={"steady": steady, "brief": brief}, unknown=UnknownPlanError)


def plan_named(name: str) -> Plan:
    """Raises UnknownPlanError, which lists the choices."""
    return PLANS[name]
