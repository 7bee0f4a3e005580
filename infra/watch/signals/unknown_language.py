"""Languages that the champion has never learned from."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from infra.watch.signal import Answer, Question, Signal
from infra.watch.view import View

MIN_POSTS = 30  # posts


def _ask(reference: View, live: View) -> Iterable[Question]:
    known = np.isin(live.language, np.unique(reference.language))
    share = 1 - float(known.mean()) if len(live) else 0.0
    enough = len(live) >= MIN_POSTS
    answer = Answer(0.0, share, value=share, shown=True) if enough else Answer()
    return [Question("all posts", lambda _: answer)]


SIGNAL = Signal(
    name="unknown_language",
    description="Share of authors who write in a language that the champion's snapshot lacks.",
    bound=0.05,
    ask=_ask,
)
