"""A post waits for its decision."""

from __future__ import annotations

from tasks.gates.base.gate import Check, Evidence, Gate

BOUND = 250.0  # milliseconds


def checks(evidence: Evidence) -> list[Check]:
    """The 95th percentile of scoring one post at a time with the exported model, on this machine."""
    value = evidence.latency_ms
    detail = "95th percentile in milliseconds for one post at a time, on this machine"
    return [
        Check(
            gate=GATE.name, subject="one post", value=value, bound=BOUND, passed=value <= BOUND, detail=detail
        )
    ]


GATE = Gate(name="fast_enough", title="Fast enough", checks=checks)
