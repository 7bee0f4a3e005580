"""How common violations are among judged posts: a campaign shows here first."""

from __future__ import annotations

from infra.watch.signal import Signal, shares
from infra.watch.view import View


def _violating(view: View) -> dict[str, tuple[int, int]]:
    return {
        policy: (int(view.violates[:, column].sum()), int(view.judged[:, column].sum()))
        for column, policy in enumerate(view.policies)
    }


SIGNAL = Signal(
    name="prevalence",
    description="Share of judged authors whose post violates, by policy.",
    bound=0.1,
    ask=shares(_violating, "either"),
)
