"""The retraining lifecycle, read like a table of contents."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Self, cast

from prefect import flow
from prefect.states import Completed
from pydantic import BaseModel, ConfigDict, Field, field_validator

from infra.rollout import plan_named
from infra.settings import Settings
from models.policies import POLICY_SETS
from models.preset import preset_named
from tasks.canary import canary
from tasks.evaluate import Evaluation, evaluate
from tasks.handle import Handle
from tasks.incumbent import incumbent
from tasks.promote import promote
from tasks.register import Release, register
from tasks.run import begin
from tasks.snapshot import Snapshot, cut, pin
from tasks.train import train
from tasks.validate import Validation, validate


class Retraining(BaseModel):
    """What to retrain on and how: the parameter form of the flow."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy_set: str = Field(
        default="community_guidelines",
        description="Policy set that posts are judged against.",
        json_schema_extra={"position": 0},
    )
    preset: str = Field(
        default="compact",
        description="Model preset to train, with changed fields behind it: compact,epochs=5.",
        json_schema_extra={"position": 1},
    )
    as_of: datetime | None = Field(
        default=None,
        description="Train on the lake as it was at this time; now when empty.",
        json_schema_extra={"position": 2},
    )
    seed: int = Field(
        default=0,
        ge=0,
        description="Seed of splits, initial weights and batch order.",
        json_schema_extra={"position": 3},
    )

    canary: bool = Field(
        default=True,
        description="Let the challenger climb through live traffic; otherwise it is promoted at once.",
        json_schema_extra={"position": 4},
    )
    plan: str = Field(
        default="steady",
        description="Plan of the canary: its stages and how strict they are.",
        json_schema_extra={"position": 5},
    )
    dry_run: tuple[str, ...] = Field(
        default=(),
        description="Guardrails of the canary that are measured without a say.",
        json_schema_extra={"position": 6},
    )

    @field_validator("as_of")
    @classmethod
    def in_utc(cls, time: datetime | None) -> datetime | None:
        return time.replace(tzinfo=UTC) if time and time.tzinfo is None else time

    def check(self) -> Self:
        """Itself, where its names are known; raises UserError with the choices before any work is done."""
        preset_named(self.preset)
        _ = POLICY_SETS[self.policy_set]
        plan_named(self.plan).guardrails(self.dry_run)
        return self


class Outcome(Handle):
    """How a retraining ended; `release` is None for a candidate that its gates rejected, and not promoted for one
    that its canary rolled back.
    """

    snapshot: Snapshot
    run_id: str
    validation: Validation
    evaluation: Evaluation
    release: Release | None

    @property
    def promoted(self) -> bool:
        return self.release is not None and self.release.promoted


@flow(name="retrain", flow_run_name="retrain {retraining.preset} on {retraining.policy_set}")
def retrain(retraining: Retraining) -> Outcome:
    """Posts and judgements in, a champion out; ends as Rejected where a gate failed, else as the canary says."""
    settings, retraining = Settings(), retraining.check()
    versions = pin(settings, retraining.as_of)
    snapshot = cut(settings, versions, retraining.policy_set, retraining.seed)
    run = begin(settings, snapshot, retraining.preset, retraining.seed)
    champion = incumbent(settings, run)
    validation = validate(settings, snapshot, champion, run)
    candidate = train(settings, run, snapshot, retraining.preset, retraining.seed)
    evaluation = evaluate(settings, candidate, champion, validation.warnings)
    outcome = partial(
        Outcome, snapshot=snapshot, run_id=run.run_id, validation=validation, evaluation=evaluation
    )
    if not evaluation.passed:
        return _ended("Rejected", "see the gates", outcome(release=None))
    challenger = register(settings, candidate, evaluation)
    if champion is None or not retraining.canary:
        return outcome(release=promote(settings, challenger))
    release = canary(settings, challenger, snapshot, retraining.plan, retraining.dry_run)
    return _ended("Promoted" if release.promoted else "Rolled back", release.reason, outcome(release=release))


def _ended(name: str, message: str, outcome: Outcome) -> Outcome:
    """Prefect gives the state to its server and the state's data to the caller."""
    return cast("Outcome", Completed(name=name, message=message, data=outcome))
