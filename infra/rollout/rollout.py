"""A rollout as it stands: what gateways obey and controllers drive, kept as one tag of the challenger's version."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from infra.rollout.expected_effects import ExpectedEffects
from infra.rollout.stages import Plan, Stage, plan_named

WAITING = "waiting for traffic"
Status = Literal["running", "paused", "asking", "held", "promoted", "rolled back"]


class Act(BaseModel):
    """What was done, by whom, when and why."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    who: str
    act: str
    why: str


class Quiet(BaseModel):
    """Since when no post has come, and how many the stage had by then."""

    model_config = ConfigDict(frozen=True)

    since: AwareDatetime
    posts: int


class Rollout(BaseModel):
    """Immutable: each step makes a new one. Gateways need `id`, `share`, `shadow` and `stage`, and no plan."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # a gateway may be older than the controller

    id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="part of conditions on the lake's tables")
    plan: str
    champion: int
    challenger: int
    status: Status = "running"
    stage: int = Field(default=0, ge=0)
    share: float = Field(default=0.0, ge=0, le=1, description="of the traffic that the challenger decides")
    shadow: float = Field(default=0.0, ge=0, le=1, description="of the traffic that the other model sees too")
    promises: ExpectedEffects = Field(default_factory=ExpectedEffects)
    dry_run: tuple[str, ...] = Field(default=(), description="guardrails that are measured without a say")
    hold: bool = Field(default=False, description="a person decides about the promotion")
    policies: tuple[str, ...] = Field(
        default=(), description="that the challenger's bundle has thresholds for"
    )
    markets: tuple[str, ...] = Field(default=(), description="likewise; all others are one")
    began: AwareDatetime
    stage_began: AwareDatetime
    reason: str = ""
    quiet: Quiet | None = Field(
        default=None, description="while no traffic reaches the stage; its clock stands"
    )
    last: Act | None = Field(
        default=None,
        description="the last act: one killed before it wrote that down is made up for from here",
    )

    @classmethod
    def begin(cls, plan: Plan, champion: int, challenger: int, now: datetime, **more: Any) -> Self:
        """At the first stage of the plan; `more` are promises, dry_run, hold, policies and markets."""
        return cls(
            id=uuid.uuid4().hex[:12],
            plan=plan.name,
            champion=champion,
            challenger=challenger,
            began=now,
            stage_began=now,
            share=plan.stages[0].share,
            shadow=plan.stages[0].shadow,
            **more,
        )

    @property
    def told(self) -> str:
        """How it stands, in a line for people."""
        stands = f"{self.status}, stage {self.current.name}, {self.share:.0%} of the traffic, beside {self.champion}"
        return f"{stands}: {self.reason}" if self.reason else stands

    @property
    def is_over(self) -> bool:
        return self.status in ("promoted", "rolled back")

    @property
    def rests(self) -> bool:
        """Whether it gets no traffic, live or copied."""
        return self.share == self.shadow == 0

    @property
    def current(self) -> Stage:
        return plan_named(self.plan).stages[self.stage]

    @property
    def is_last(self) -> bool:
        return self.stage == len(plan_named(self.plan).stages) - 1

    def climbed(self, now: datetime) -> Self:
        """At the next stage."""
        stage = plan_named(self.plan).stages[self.stage + 1]
        return self.model_copy(
            update={
                "stage": self.stage + 1,
                "share": stage.share,
                "shadow": stage.shadow,
                "stage_began": now,
                "status": "running",
                "reason": "",
                "quiet": None,
            }
        )

    def stopped(self, status: Status, reason: str) -> Self:
        """Without any traffic for the challenger, live or copied."""
        ended = {"status": status, "share": 0.0, "shadow": 0.0, "reason": reason, "quiet": None}
        return self.model_copy(update=ended)

    def resting(self, reason: str) -> Self:
        """Without any traffic until somebody drives it again; where it is otherwise."""
        return self.model_copy(update={"share": 0.0, "shadow": 0.0, "reason": reason})

    def resumed(self, now: datetime, reason: str) -> Self:
        """Running on, with its stage's traffic and whole time before it; what the stage has shown stays."""
        traffic = {"share": self.current.share, "shadow": self.current.shadow}
        begun = {"status": "running", "stage_began": now, "reason": reason, "quiet": None}
        return self.model_copy(update=traffic | begun)

    def waiting(self, status: Status, reason: str) -> Self:
        """Where it is, until a person says how it goes on."""
        return self.model_copy(update={"status": status, "reason": reason, "quiet": None})

    def seconds(self, now: datetime) -> float:
        """How long the stage has had traffic."""
        until = self.quiet.since if self.quiet else now
        return (until - self.stage_began).total_seconds()

    def quieted(self, since: datetime, posts: int) -> Self:
        """Waiting for traffic that has stopped; its stage's clock stands."""
        least = self.current.minimum_posts
        so_far = f"{posts} of {least} posts" if posts < least else f"{posts} posts so far show too little"
        told = {"quiet": Quiet(since=since, posts=posts), "reason": f"{WAITING}: {so_far}"}
        return self.model_copy(update=told)

    def awake(self, now: datetime) -> Self:
        """With traffic again; the time without does not count."""
        assert self.quiet is not None
        began = self.stage_began + (now - self.quiet.since)
        return self.model_copy(update={"quiet": None, "stage_began": began, "reason": ""})
