"""The rollout room: who meets a challenger, what its traffic shows, and how far it may climb."""

from infra.rollout.acts import act, roll_back, withdraw_rollout
from infra.rollout.assignment import is_shadowed, meets_challenger
from infra.rollout.chart import Story, plot, table
from infra.rollout.controller import LEASE, Controller, Step
from infra.rollout.guardrails import GUARDRAILS
from infra.rollout.promises import Promises
from infra.rollout.rollout import Rollout
from infra.rollout.stages import PLANS, plan_named
from infra.rollout.store import Store
from infra.rollout.unattended import rest_unattended

__all__ = [
    "GUARDRAILS",
    "LEASE",
    "PLANS",
    "Controller",
    "Promises",
    "Rollout",
    "Step",
    "Store",
    "Story",
    "act",
    "is_shadowed",
    "meets_challenger",
    "plan_named",
    "plot",
    "rest_unattended",
    "roll_back",
    "table",
    "withdraw_rollout",
]
