"""A champion acts on everything, not on what people judged: it must not act on more than can violate there."""

from __future__ import annotations

from models.domain.policy import market_name
from models.evaluation.unjudged import Acted
from tasks.gates.base.gate import Check, Evidence, Gate


def checks(evidence: Evidence) -> list[Check]:
    """Fails where an automatic action meets more of the unjudged posts than is plausible, beyond noise."""
    found = evidence.effects.unjudged
    return [_check(acted) for acted in (found.acted if found else ()) if acted.limit is not None]


def _check(acted: Acted) -> Check:
    return Check(
        gate=GATE.name,
        subject=f"{acted.policy}, {acted.action}, {market_name(acted.market)}",
        value=acted.low,
        bound=acted.limit or 0.0,
        passed=acted.is_plausible,
        detail=f"lower bound of the share acted on of {acted.posts:,} posts that nobody judged",
    )


GATE = Gate(name="plausible", title="Acts on no more than can violate", checks=checks)
