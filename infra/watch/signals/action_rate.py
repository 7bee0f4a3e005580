"""How often the champion acts: a flood of actions, or none, is an anomaly whatever its cause."""

from __future__ import annotations

from infra.watch.signal import Signal, shares
from infra.watch.view import View


def _acted(view: View) -> dict[str, tuple[int, int]]:
    found = {
        policy: (int(view.acted[:, column].sum()), len(view)) for column, policy in enumerate(view.policies)
    }
    for market, part in view.markets():
        found[market] = (int(part.acted.any(axis=1).sum()), len(part))
    return found


SIGNAL = Signal(
    name="action_rate",
    description="Share of authors on whose post the champion acts, by policy and market.",
    bound=0.05,
    ask=shares(_acted, "either"),
)
