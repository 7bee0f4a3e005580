"""What acts on nothing and sends nothing to people moderates nothing, however well it ranks."""

from __future__ import annotations

from tasks.gates.base.gate import Check, Evidence, Gate

IDLE = "acts on nothing and sends nothing to people; what this champion will do says which judgements would change that"


def checks(evidence: Evidence) -> list[Check]:
    """Posts that are acted on or reviewed, in the market where most are; one is enough."""
    effects = evidence.effects
    touched = max((market.together.touched for market in effects.markets), default=0)
    detail = f"of {effects.posts} posts, {effects.acted} are acted on and {effects.reviewed} go to people"
    return [
        Check(
            gate=GATE.name,
            subject="all posts",
            value=float(touched),
            bound=1.0,
            passed=touched > 0,
            detail=detail if touched else IDLE,
        )
    ]


GATE = Gate(name="acts", title="Acts, or asks people", checks=checks)
