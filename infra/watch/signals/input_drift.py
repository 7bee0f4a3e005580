"""What comes in: how long texts are, by market."""

from __future__ import annotations

from infra.watch.signal import Signal, samples
from infra.watch.view import Floats, View


def _lengths(view: View) -> dict[str, Floats]:
    return {"all posts": view.length} | {market: part.length for market, part in view.markets()}


SIGNAL = Signal(
    name="input_drift",
    description="Distance between the distributions of text lengths, by market.",
    bound=0.25,
    ask=samples(_lengths),
)
