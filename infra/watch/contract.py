"""What every signal has to keep. The tests run over ours, `moderato check parts` over others'."""

from __future__ import annotations

import numpy as np

from infra.watch.signal import Signal
from infra.watch.view import View

POLICIES = ("spam", "hate")
MARKETS, LANGUAGES = ["DE", "US", "JP"], ["de", "en", "ja"]
POSTS = 1500
ALPHA = 1e-5


def made_up_view(seed: int, posts: int = POSTS) -> View:
    """Posts that nobody wrote: beta-distributed scores, violations most of which are acted on, two judges who agree."""
    random = np.random.default_rng(seed)
    market = random.integers(0, 3, posts)
    wide = (posts, len(POLICIES))
    chance = {share: random.random(wide) < share for share in (0.1, 0.05, 0.3, 0.8, 0.02)}
    violates = chance[0.1]
    votes = np.where(chance[0.05], 0.5, violates.astype(float))
    votes[chance[0.3]] = np.nan
    return View(
        POLICIES,
        author=np.array([f"a{seed}-{i}" for i in range(posts)]),
        market=np.array(MARKETS)[market],
        language=np.array(LANGUAGES)[market],
        length=random.poisson(60, posts).astype(float),
        image=chance[0.3][:, 0],
        scores=random.beta(1, 9, wide),
        acted=np.where(violates, chance[0.8], chance[0.02]),
        votes=votes,
    )


def of_signal(signal: Signal) -> list[str]:
    """A signal says what it is, asks something of traffic, and answers under its name."""
    faults = [] if signal.description else ["it has no description"]
    if not signal.bound > 0:
        faults.append(f"its bound is {signal.bound}; what is held against it must be able to lie within")
    questions = list(signal.ask(made_up_view(0), made_up_view(1)))
    if not questions:
        return [*faults, "it asks nothing of two windows of 1,500 posts"]
    found = signal.find(questions, ALPHA)
    return faults + [
        f"it alarms on {it.subject} of traffic that did not move" for it in found if it.verdict == "beyond"
    ]
