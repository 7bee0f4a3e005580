"""What comes in: how many posts carry a picture, by market."""

from __future__ import annotations

from infra.watch.signal import Signal, shares
from infra.watch.view import View


def _with_picture(view: View) -> dict[str, tuple[int, int]]:
    parts = {"all posts": view} | dict(view.markets())
    return {name: (int(part.image.sum()), len(part)) for name, part in parts.items()}


SIGNAL = Signal(
    name="pictures",
    description="Share of authors whose post carries a picture, by market.",
    bound=0.25,
    ask=shares(_with_picture, "either"),
)
