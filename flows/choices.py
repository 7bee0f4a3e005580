"""Whether what the settings choose is there: asked before anything begins that would only find out later."""

from __future__ import annotations

from infra.settings import Settings


def check_choices(settings: Settings) -> None:
    """Raises UserError where the policy set, the preset or the plan is not there or has a fault."""
    from infra.rollout.stages import plan_named
    from models.policies import POLICY_SETS
    from models.training.presets import preset_named

    _ = POLICY_SETS[settings.policy_set]
    preset_named(settings.preset)
    plan_named(settings.plan)
