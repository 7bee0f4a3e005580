"""Where moderators do not agree with each other, the policy is unclear or the posts are new."""

from __future__ import annotations

from infra.watch.signal import MAX_AUTHOR_POSTS, Signal, shares
from infra.watch.view import View


def _split(view: View) -> dict[str, tuple[int, int]]:
    split = view.judged & (view.votes > 0) & (view.votes < 1)
    return {
        policy: (int(split[:, column].sum()), int(view.judged[:, column].sum()))
        for column, policy in enumerate(view.policies)
    }


SIGNAL = Signal(
    name="disagreement",
    description="Share of judged posts on which moderators disagree, by policy.",
    bound=0.1,
    ask=shares(_split, "rises"),
    an_author=MAX_AUTHOR_POSTS,
)
