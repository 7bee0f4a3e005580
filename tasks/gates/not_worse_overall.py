"""The candidate must not rank worse than the champion on the same posts, as far as noise lets one tell."""

from __future__ import annotations

from tasks.gates.base.gate import Check, Evidence, Gate

MARGIN = 0.0  # macro average precision that may be lost


def checks(evidence: Evidence) -> list[Check]:
    """Paired bootstrap: fails where the posts rule out that the candidate is as good."""
    if evidence.comparison is None:
        return []
    overall = evidence.comparison.overall
    detail = "upper bound of the difference in macro average precision to the champion"
    if overall.credible is None:
        detail = "no test post that the champion had not learned from says anything; not compared"
    passed = overall.credible is None or overall.credible >= -MARGIN
    return [
        Check(
            gate=GATE.name,
            subject="all posts",
            value=overall.credible,
            bound=-MARGIN,
            passed=passed,
            detail=detail,
        )
    ]


GATE = Gate(name="not_worse_overall", title="Not worse than the champion", checks=checks)
