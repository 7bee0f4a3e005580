"""What a functional suite of the project asks at least; without one that states a minimum, nothing."""

from __future__ import annotations

from tasks.gates.base.gate import Check, Evidence, Gate


def checks(evidence: Evidence) -> list[Check]:
    """Fails where the cases of a functionality rule out that its minimum passes."""
    return [
        Check(
            gate=GATE.name,
            subject=f"{found.suite}: {found.name}",
            value=found.passed.high,
            bound=found.minimum,
            passed=found.is_met,
            detail=f"upper bound of the share that passes of {found.cases:,} cases",
        )
        for result in evidence.functional
        for found in result.functionalities
        if found.minimum is not None
    ]


GATE = Gate(name="functional", title="Passes its functional suites", checks=checks)
