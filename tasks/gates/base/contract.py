"""What every gate has to keep. The tests run over ours, `moderato check parts` over others'."""

from __future__ import annotations

from typing import Any

from models.domain.content import Action
from models.evaluation.comparison import Comparison, Difference
from models.evaluation.effects import Effect, Effects, MarketEffects
from models.evaluation.operating_points import OperatingPoints
from models.evaluation.report import Figure, Report
from tasks.gates.base.gate import Evidence, Gate


def made_up_evidence(**changes: Any) -> Evidence:
    """What gates may ask of a candidate that is good in every way, and no worse than its champion; with changes."""
    report = Report(
        posts=10,
        macro_average_precision=changes.pop("precision", Figure(value=0.6, low=0.5, high=0.7)),
        chance=changes.pop("chance", Figure(value=0.1, low=0.05, high=0.15)),
        macro_calibration_error=changes.pop("error", Figure(value=0.02, low=0.01, high=0.03)),
        policies=(),
        slices=(),
    )
    given = {
        "comparison": None,
        "latency_ms": 5.0,
        "size_bytes": 10 << 20,
        "parity": 1e-6,
        "effects": acting(remove=1),
    } | changes
    return Evidence(report=report, operating_points=OperatingPoints(policies=(), points=()), **given)


def acting(posts: int = 100, **counts: int) -> Effects:
    """Effects in which so many posts are acted on, and the others allowed."""
    actions = {action: counts.get(str(action), 0) for action in Action}
    actions[Action.ALLOW] = posts - sum(counts.values())
    together = Effect(policy="", posts=posts, actions=actions, judged=posts, violations=10, passed=0)
    market = MarketEffects(market="default", own=True, together=together, policies=(), review_seconds=60)
    return Effects(posts=posts, markets=(market,), gaps=())


def compared(overall: float | None, *slices: float | None) -> Comparison:
    """Candidate beside champion; each figure is the highest difference that the posts do not rule out."""

    def difference(name: str, credible: float | None) -> Difference:
        value = Figure(value=None) if credible is None else Figure(value=credible - 0.01)
        return Difference(
            name=name, posts=9, candidate=0.5, champion=0.5, difference=value, credible=credible
        )

    parts = tuple(difference(f"market {i}", credible) for i, credible in enumerate(slices))
    return Comparison(
        champion=1, posts=9, excluded=0, overall=difference("all", overall), policies=(), slices=parts
    )


def of_gate(gate: Gate) -> list[str]:
    """A gate says what it asks, and answers under its name, with a detail, with and without a champion."""
    faults = [] if gate.title else ["it has no title"]
    for comparison in (None, compared(0.1, 0.1)):
        for check in gate.checks(made_up_evidence(comparison=comparison)):
            if check.gate != gate.name:
                faults.append(f"it answers as {check.gate!r}; the gate of a check is its own name")
            if not check.detail:
                faults.append(f"its answer on {check.subject} has no detail: the figure, and what is allowed")
    return list(dict.fromkeys(faults))
