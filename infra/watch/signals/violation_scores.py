"""What the champion makes of violations that people found: it falls with new words, wherever thresholds are."""

from __future__ import annotations

import numpy as np

from infra.watch.signal import MAX_AUTHOR_POSTS, Signal, samples
from infra.watch.view import Floats, View


def _scores(view: View) -> dict[str, Floats]:
    violates = view.violates & view.judged
    found = {policy: view.scores[violates[:, column], column] for column, policy in enumerate(view.policies)}
    return found | {"all policies": np.concatenate(list(found.values()))}


SIGNAL = Signal(
    name="violation_scores",
    description="Distance by which the scores of judged violations fell, by policy.",
    bound=0.15,
    ask=samples(_scores, "falls"),
    retrains=True,
    an_author=MAX_AUTHOR_POSTS,
)
