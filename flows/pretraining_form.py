"""The parameter form of a pre-training: what a person is asked in Prefect's page beside what to learn from."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from flows.form import Data, Training, at_hand, with_presets
from infra.environment import entered
from infra.settings import Settings
from models.distributed.resources import TrainingOptions
from models.policies import POLICY_SETS
from tasks.training.pretraining_run import Recipe


class Pretraining(Training):
    """How to pre-train."""

    preset: str = Field(
        default="clip",
        description="Model preset whose encoders learn, with changed fields behind it: clip,epochs=5.",
        json_schema_extra=with_presets,
    )
    objectives: str = Field(
        default="contrastive",
        description="What they learn by, joined by plus: contrastive+captioning.",
    )
    teacher: str = Field(
        default="",
        description="Backbone to learn from, where an objective has a teacher: models:/moderato-backbone@clip.",
    )

    bootstrap: str = Field(
        default="",
        description="Backbone that writes and matches, to mend the texts beside pictures with before: "
        "models:/moderato-backbone@blip.",
    )

    @property
    def recipe(self) -> Recipe:
        names = tuple(name.strip() for name in self.objectives.split("+"))
        return Recipe(
            preset=self.preset,
            objectives=names,
            seed=self.seed,
            teacher=self.teacher,
            bootstrap=self.bootstrap,
        )


def checked(data: Data, training: Pretraining) -> Settings:
    """The settings of a run; raises UserError, which lists the choices, before any work is done."""
    from models.pretraining.pretrain import check

    _ = POLICY_SETS[data.policy_set]
    recipe = training.recipe
    check(training.chosen, recipe.objectives, teacher=bool(recipe.teacher))
    at_hand(training.resources)
    return entered()


def pretrained_by(settings: Settings, **asked: Any) -> Pretraining:
    """How to pre-train; what is not asked for, or None, is the settings' choice."""
    chosen = settings.model_dump(include=set(TrainingOptions.model_fields))
    return Pretraining(**{**chosen, **{name: value for name, value in asked.items() if value is not None}})


def defaults(settings: Settings) -> dict[str, dict[str, Any]]:
    """What the form of the deployment shows first."""
    return {
        "data": Data(policy_set=settings.policy_set).model_dump(mode="json", exclude={"as_of"}),
        "training": pretrained_by(settings).model_dump(mode="json"),
    }
