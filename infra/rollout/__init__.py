"""The rollout room: who meets a challenger, what its traffic shows, and how far it may climb."""

from infra.rollout.abandoned import rest, rest_unattended
from infra.rollout.assignment import is_shadowed, meets_challenger
from infra.rollout.awaited import Awaited, awaited, judged
from infra.rollout.chart import Story, plot, table
from infra.rollout.commands import act, roll_back, withdraw_rollout
from infra.rollout.controller import LEASE, Controller, Step
from infra.rollout.expected_effects import ExpectedEffects
from infra.rollout.forecast import (
    Forecast,
    Traffic,
    doubts,
    forecast,
    traffic_of_late,
)
from infra.rollout.guardrail import shown
from infra.rollout.guardrails import GUARDRAILS
from infra.rollout.incident import (
    CHOICES,
    Incident,
    VanishedChampionError,
    champion_or_none,
    incident,
    trouble_with,
)
from infra.rollout.observation import posts_in_stage
from infra.rollout.rollout import Rollout
from infra.rollout.stages import PLANS, plan_named
from infra.rollout.store import Store, rollout_of

__all__ = [
    "CHOICES",
    "GUARDRAILS",
    "LEASE",
    "PLANS",
    "Awaited",
    "Controller",
    "ExpectedEffects",
    "Forecast",
    "Incident",
    "Rollout",
    "Step",
    "Store",
    "Story",
    "Traffic",
    "VanishedChampionError",
    "act",
    "awaited",
    "champion_or_none",
    "doubts",
    "forecast",
    "incident",
    "is_shadowed",
    "judged",
    "meets_challenger",
    "plan_named",
    "plot",
    "posts_in_stage",
    "rest",
    "rest_unattended",
    "roll_back",
    "rollout_of",
    "shown",
    "table",
    "traffic_of_late",
    "trouble_with",
    "withdraw_rollout",
]

# modules that others import from their own file: for tests of parts, where the rest would be slow, and the mathematics
PUBLIC = ("confidence_sequence", "contract", "stages")
