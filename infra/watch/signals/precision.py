"""Of the posts that the champion acted on and people judged: how many violate."""

from __future__ import annotations

from infra.watch.signal import MAX_AUTHOR_POSTS, Signal, shares
from infra.watch.view import View


def _right(view: View) -> dict[str, tuple[int, int]]:
    judged = view.acted & view.judged
    right = judged & view.violates
    found = {
        policy: (int(right[:, column].sum()), int(judged[:, column].sum()))
        for column, policy in enumerate(view.policies)
    }
    return found | {"all policies": (int(right.sum()), int(judged.sum()))}


SIGNAL = Signal(
    name="precision",
    description="Share of judged actions that people agree with, by policy.",
    bound=0.1,
    ask=shares(_right, "falls"),
    retrains=True,
    an_author=MAX_AUTHOR_POSTS,
)
