"""Every gateway downloads the bundle, and a roll-back must not wait for it."""

from __future__ import annotations

from tasks.gates.base.gate import Check, Evidence, Gate

BOUND = 512.0  # MiB


def checks(evidence: Evidence) -> list[Check]:
    """The size of all files of the bundle."""
    value = evidence.size_bytes / 2**20
    return [
        Check(gate=GATE.name, subject="bundle", value=value, bound=BOUND, passed=value <= BOUND, detail="MiB")
    ]


GATE = Gate(name="small_enough", title="Small enough", checks=checks)
