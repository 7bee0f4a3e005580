"""Scores are what the champion believes: their distribution moves when what people post does."""

from __future__ import annotations

from infra.watch.signal import Signal, samples
from infra.watch.view import Floats, View


def _scores(view: View) -> dict[str, Floats]:
    found = {policy: view.scores[:, column] for column, policy in enumerate(view.policies)}
    for market, part in view.markets():
        found[market] = part.scores.max(axis=1, initial=0.0)
    return found


SIGNAL = Signal(
    name="score_drift",
    description="Distance between the distributions of scores, by policy; by market of the highest score.",
    bound=0.15,
    ask=samples(_scores),
    retrains=True,
)
