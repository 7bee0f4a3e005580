"""No market, language or modality may pay for a better average."""

from __future__ import annotations

from tasks.gates.base.gate import Check, Evidence, Gate

MARGIN = 0.03  # macro average precision that a slice may lose


def checks(evidence: Evidence) -> list[Check]:
    """Fails where a slice lost more than the margin beyond noise; the error rate holds over all slices together."""
    if evidence.comparison is None:
        return []
    return [
        Check(
            gate=GATE.name,
            subject=part.name,
            value=part.credible,
            bound=-MARGIN,
            passed=part.credible is None or part.credible >= -MARGIN,
            detail=f"upper bound of the difference to the champion on {part.posts} posts",
        )
        for part in evidence.comparison.slices
    ]


GATE = Gate(name="not_worse_on_a_slice", title="No slice much worse than the champion", checks=checks)
