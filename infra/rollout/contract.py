"""What every guardrail and every plan has to keep. The tests run over ours, `moderato check parts` over others'."""

from __future__ import annotations

from infra.rollout.evidence import Evidence
from infra.rollout.guardrail import Guardrail, Spending
from infra.rollout.guardrails import GUARDRAILS
from infra.rollout.stages import Plan
from models.domain.located import nearest

POLICIES, MARKETS = ("fraud_and_spam", "profanity"), ("DE", "US")
SPENDING = Spending(harm=0.01, health=0.01)


def of_guardrail(guardrail: Guardrail) -> list[str]:
    """A guardrail has questions before there are posts, and no answer to them."""
    readings = guardrail.read(Evidence(POLICIES, MARKETS), SPENDING)
    if not readings:
        return ["it has no question before there are posts; one without data is inconclusive"]
    verdicts = {reading.verdict for reading in readings} - {"inconclusive"}
    faults = [f"it is {verdict} before there are posts" for verdict in sorted(verdicts)]
    if not guardrail.importance > 0:
        faults.append(
            f"its importance is {guardrail.importance:g}; it is more than 0, 1 for one like any other"
        )
    return faults + ([] if guardrail.name in readings[0].told else ["its readings do not name it"])


def of_plan(plan: Plan) -> list[str]:
    """A plan changes guardrails that there are, and its stages can end."""
    names = GUARDRAILS.names()
    faults = [
        f"it has a rule for {name!r}, which is no guardrail: {nearest(name, names)}"
        for name in plan.rules
        if name not in names
    ]
    return faults + [
        f"stage {stage.name} is over after {stage.maximum_seconds:g} s; it lasts {stage.minimum_seconds:g} at least"
        for stage in plan.stages
        if stage.maximum_seconds <= stage.minimum_seconds
    ]
