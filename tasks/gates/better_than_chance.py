"""The floor that holds without a champion: the ranking must tell violations from the rest."""

from __future__ import annotations

from tasks.gates.base.gate import Check, Evidence, Gate

UNMEASURABLE = "no policy has posts that violate and posts that do not in the test split; judge more posts"


def checks(evidence: Evidence) -> list[Check]:
    """Macro average precision must lie above what shuffled rankings of the same posts reach."""
    value, bound = evidence.report.macro_average_precision.value, evidence.report.chance.high
    known = value is not None and bound is not None
    return [
        Check(
            gate=GATE.name,
            subject="all posts",
            value=value,
            bound=bound or 0,
            passed=value is not None and bound is not None and value > bound,
            detail="macro average precision, against the best of shuffled rankings"
            if known
            else UNMEASURABLE,
        )
    ]


GATE = Gate(name="better_than_chance", title="Better than chance", checks=checks)
