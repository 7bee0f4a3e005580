"""Thresholds are set on probabilities, so probabilities must hold on posts that they were not fitted on."""

from __future__ import annotations

from tasks.gates.base.gate import Check, Evidence, Gate

BOUND = 0.10  # mean over policies


def checks(evidence: Evidence) -> list[Check]:
    """Fails where the calibration error lies above the bound beyond noise."""
    error = evidence.report.macro_calibration_error
    detail = "lower end of the expected calibration error, mean over policies"
    if error.low is None:
        detail = "nothing in the test split was judged"
    passed = error.low is not None and error.low <= BOUND
    return [
        Check(gate=GATE.name, subject="all posts", value=error.low, bound=BOUND, passed=passed, detail=detail)
    ]


GATE = Gate(name="calibrated", title="Calibrated", checks=checks)
