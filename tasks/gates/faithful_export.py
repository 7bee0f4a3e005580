"""What is served must say what was trained."""

from __future__ import annotations

from tasks.gates.base.gate import Check, Evidence, Gate

BOUND = 1e-4


def checks(evidence: Evidence) -> list[Check]:
    """The largest difference between the logits of the trained and the exported model."""
    value = evidence.parity
    passed = value <= BOUND
    detail = "largest difference of a logit between PyTorch and ONNX"
    return [Check(gate=GATE.name, subject="logits", value=value, bound=BOUND, passed=passed, detail=detail)]


GATE = Gate(name="faithful_export", title="Export equals the trained model", checks=checks)
