"""The parameter form of a retraining: what a person is asked in Prefect's page, group by group.

The server checks types, bounds and choices before a run starts; `checked` says the rest in the run's first second.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.types import JsonValue

from expectations.suites import SUITES
from infra.environment import entered
from infra.lake import open_lake
from infra.ray.cluster import ray_for
from infra.registry import is_empty
from infra.rollout import (
    GUARDRAILS,
    PLANS,
    Store,
    champion_or_none,
    doubts,
    plan_named,
    traffic_of_late,
)
from infra.settings import Settings
from models.distributed.resources import Resources, TrainingOptions
from models.domain.catalogue import Catalogue
from models.domain.preset import Preset
from models.evaluation.functional_file import functional_suites
from models.policies import POLICY_SETS
from models.training.presets import preset_named, preset_names
from models.training.search_space import space
from tasks.gates import GATES
from tasks.release.approval import can_ask
from tasks.training.budget import Budget

Until = Literal["promoted", "registered"]
When = Literal["automatic", "before canary", "before promotion"]
Answer = Literal["approve", "reject"]


def choice(entries: Catalogue[Any], chosen: str = "") -> Callable[[dict[str, JsonValue]], None]:
    """A field's schema with the names to choose from, as they are when a deployment is made: a project has its own.

    `chosen` names the setting that the field begins with. It is a choice whatever became of it: Prefect refuses a
    deployment whose own default is none, and the run that meets it says what is wrong.
    """

    def add(schema: dict[str, JsonValue]) -> None:
        names = entries.names()
        begun = str(getattr(Settings(), chosen)) if chosen else ""
        extra = [begun] if begun and begun not in names else []
        listed: list[JsonValue] = [*names, *extra]
        if "items" in schema:
            schema["items"] = {"type": "string", "enum": listed}
        else:
            schema["enum"] = listed

    return add


def with_presets(schema: dict[str, JsonValue]) -> None:
    """Add the presets to a field's description: its values are no names alone."""
    schema["description"] = f"{schema['description']} One of: {', '.join(preset_names())}."


def laid_out(schema: dict[str, Any], kind: type[BaseModel]) -> None:
    """A box's schema with the order of its fields, its own before those of every training, and sentences on them."""
    own = [name for name in kind.model_fields if name in kind.__annotations__]
    for position, name in enumerate(dict.fromkeys([*own, *kind.model_fields])):
        field = schema["properties"][name]
        text = field["description"].removesuffix(".")
        field |= {"position": position, "description": f"{text[0].upper()}{text[1:]}."}


class Group(BaseModel):
    """One box of the form."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=laid_out)


class Data(Group):
    """What to learn from."""

    policy_set: str = Field(
        default="community_guidelines",
        description="Policy set that posts are judged against.",
        json_schema_extra=choice(POLICY_SETS, "policy_set"),
    )
    as_of: datetime | None = Field(
        default=None,
        description="Learn from the lake as it was at this time, UTC unless it says; now when empty.",
    )

    @field_validator("as_of")
    @classmethod
    def in_utc(cls, time: datetime | None) -> datetime | None:
        return time.replace(tzinfo=UTC) if time and time.tzinfo is None else time


class Training(Group, TrainingOptions):
    """How to train."""

    preset: str = Field(
        default="compact",
        description="Model preset, with changed fields behind it: compact,epochs=5.",
        json_schema_extra=with_presets,
    )

    @cached_property
    def chosen(self) -> Preset:
        """The preset; raises UnknownPresetError or PresetError."""
        return preset_named(self.preset)

    @property
    def resources(self) -> Resources:
        """What of this says on how much it runs, and not what is learned."""
        return Resources.model_validate(self, from_attributes=True)


class RollOut(Group):
    """How the new model meets traffic."""

    canary: bool = Field(
        default=True,
        description="Climb through live traffic; otherwise it is promoted at once.",
    )
    plan: str = Field(
        default="steady",
        description="Plan of the canary: its stages and how strict they are.",
        json_schema_extra=choice(PLANS, "plan"),
    )
    dry_run: tuple[str, ...] = Field(
        default=(),
        description="Guardrails that are measured without a say.",
        json_schema_extra=choice(GUARDRAILS),
    )

    begin_anew: bool = Field(
        default=False,
        description="Where the champion has vanished from MLflow: let this model decide first, met by no other.",
    )
    until: Until = Field(
        default="promoted",
        description="How far it goes: to a champion, or to a registered model that meets no traffic.",
    )
    replace: bool = Field(
        default=False,
        description="Let a model of a preset that is for trying (trial) replace a champion.",
    )

    def ends_early(self, training: Training, *, beside_champion: bool) -> str:
        """Why a retraining ends with a registered model; empty where it goes on to traffic."""
        if self.until == "registered":
            return "registered and no further, as asked; the same retraining until promoted goes on from here"
        if beside_champion and not self.replace and training.chosen.is_for_trying:
            return f"preset {training.preset} is for trying and replaces no champion; --replace lets it"
        return ""


class Approval(Group):
    """Who approves."""

    when: When = Field(
        default="automatic",
        description="Automatic, or wait for a person who compares candidate and champion.",
    )
    hours: float = Field(
        default=24.0,
        gt=0,
        le=720,
        description="Hours to wait for the answer.",
    )
    otherwise: Answer = Field(
        default="reject",
        description="What happens when nobody has answered by then.",
    )


class Values(Group):
    """What to try."""

    over: tuple[str, ...] = Field(
        default=("learning_rate=1e-4..1e-2", "dropout=0..0.5"),
        min_length=1,
        description="Fields of the preset with a range or a list: learning_rate=1e-4..1e-2, dropout=0,0.1,0.3.",
    )


class Bounds(Group):
    """What it may take, all trials together."""

    minutes: float = Field(
        default=60.0,
        ge=0,
        description="Minutes of training; 0 for no bound.",
    )
    money: float = Field(
        default=0.0,
        ge=0,
        description="Cost of training, by the price of a device's hour; 0 for no bound.",
    )
    trials: int = Field(default=0, ge=0, description="Trials; 0 for no bound.")

    @property
    def budget(self) -> Budget:
        return Budget(minutes=self.minutes, money=self.money, trials=self.trials)


def searchable(data: Data, training: Training, values: Values, bounds: Bounds) -> Settings:
    """The settings of a search; raises UserError before any work is done."""
    _ = POLICY_SETS[data.policy_set]
    space(training.chosen, values.over)
    at_hand(training.resources)
    settings = entered()
    bounds.budget.check(settings.device_hour_price)
    return settings


def checked(data: Data, training: Training, rollout: RollOut, approval: Approval) -> Settings:
    """The settings of a run; raises UserError, which lists the choices, before any work is done."""
    # what a run asks at its end fails at its beginning
    _ = POLICY_SETS[data.policy_set], list(GATES), list(SUITES), training.chosen
    functional_suites(POLICY_SETS[data.policy_set].keys)
    at_hand(training.resources)
    plan_named(rollout.plan).guardrails(rollout.dry_run)
    if approval.when != "automatic":
        can_ask()
    settings = entered()
    store = Store(settings)
    if not is_empty(settings):
        _ = store.registry.experiment_id
    if not rollout.begin_anew:
        champion_or_none(store)
    return settings


def foreseen(settings: Settings, rollout: RollOut) -> list[str]:
    """What a person has to know of the plan: the stages that the traffic of late does not decide in their time."""
    if not rollout.canary or is_empty(settings):
        return []
    return doubts(plan_named(rollout.plan), traffic_of_late(open_lake(settings)))


def search_defaults(settings: Settings) -> dict[str, dict[str, Any]]:
    """What the form of a search shows first."""
    shown = defaults(settings)
    bounds, values = Bounds().model_dump(mode="json"), Values().model_dump(mode="json")
    return {"data": shown["data"], "training": shown["training"], "values": values, "bounds": bounds}


def at_hand(resources: Resources) -> None:
    """Raises UserError where this machine has too few devices, or no Ray."""
    if resources.workers:
        ray_for("retrain --workers")
    elif resources.devices > 1:
        from models.distributed.placement import check

        check(resources)


def trained_by(settings: Settings, **asked: Any) -> Training:
    """How to train; what is not asked for, or None, is the settings' choice."""
    chosen = settings.model_dump(include=set(Training.model_fields))
    return Training(**{**chosen, **{name: value for name, value in asked.items() if value is not None}})


def defaults(settings: Settings) -> dict[str, dict[str, Any]]:
    """What the form of a deployment shows first: the settings' own choices."""
    return {
        "data": Data(policy_set=settings.policy_set).model_dump(mode="json", exclude={"as_of"}),
        "training": trained_by(settings).model_dump(mode="json"),
        "rollout": RollOut(plan=settings.plan).model_dump(mode="json"),
        "approval": Approval().model_dump(mode="json"),
    }
