"""Of the violations that people found: how many the champion acted on. New words and tricks show here."""

from __future__ import annotations

from infra.watch.signal import MAX_AUTHOR_POSTS, Signal, shares
from infra.watch.view import View


def _found(view: View) -> dict[str, tuple[int, int]]:
    violates = view.violates & view.judged
    found = violates & view.acted
    counts = {
        policy: (int(found[:, column].sum()), int(violates[:, column].sum()))
        for column, policy in enumerate(view.policies)
    }
    return counts | {"all policies": (int(found.sum()), int(violates.sum()))}


SIGNAL = Signal(
    name="recall",
    description="Share of judged violations that the champion acted on, by policy.",
    bound=0.1,
    ask=shares(_found, "falls"),
    retrains=True,
    an_author=MAX_AUTHOR_POSTS,
)
