"""What the test posts foretell of live traffic: by which factor a challenger will act and score more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.bundle.bundle import Bundle
from models.domain.content import Action
from models.evaluation.predictions import Scored, score_splits

Factors = dict[str, tuple[float, float]]

ERRORS = 2.58  # standard errors of a 99 % interval
HALDANE_ANSCOMBE = (
    0.5  # added to counts, so that the logarithm of their ratio has a bounded error where one is nought
)


def foretold(
    champion: Bundle, challenger: Bundle, uri: str, storage_options: dict[str, str]
) -> tuple[Factors, Factors]:
    """Least and greatest factor on the action rate of each policy and market, and on the mean score of each policy.

    Both decide the test split of the snapshot at `uri`. The intervals take the two models' counts for independent,
    which makes them too wide where the models agree, and never too narrow.
    """
    parts = [score_splits(bundle.scorer, uri, ["test"], storage_options) for bundle in (champion, challenger)]
    theirs, ours = (
        _decided(bundle, part) for bundle, part in zip((champion, challenger), parts, strict=True)
    )
    shared = [policy for policy in challenger.assessed if policy in champion.assessed]
    actions = {key: _ratio(theirs.get(key, 0), ours.get(key, 0)) for key in theirs.keys() | ours.keys()}
    return actions, {policy: _means(champion, challenger, parts, policy) for policy in shared}


def _decided(bundle: Bundle, scored: Scored) -> dict[str, int]:
    """How many posts each policy asks an action for, and in how many of each market one is taken."""
    actions, reasons = bundle.decide(bundle.calibration(scored.logits), scored.market.tolist())
    acted = np.array([action is not Action.ALLOW for action in actions], bool)
    counts = {str(market): int(acted[scored.market == market].sum()) for market in np.unique(scored.market)}
    for policy in bundle.policies:
        counts[policy] = sum(any(reason.policy == policy for reason in found) for found in reasons)
    return counts


def _ratio(theirs: int, ours: int) -> tuple[float, float]:
    middle = np.log((ours + HALDANE_ANSCOMBE) / (theirs + HALDANE_ANSCOMBE))
    spread = ERRORS * np.sqrt(1 / (ours + HALDANE_ANSCOMBE) + 1 / (theirs + HALDANE_ANSCOMBE))
    return float(np.exp(middle - spread)), float(np.exp(middle + spread))


def _means(champion: Bundle, challenger: Bundle, parts: Sequence[Scored], policy: str) -> tuple[float, float]:
    """The ratio of the mean scores on the same posts, by the delta method."""
    theirs, ours = (
        bundle.calibration(part.logits)[:, bundle.policies.index(policy)]
        for bundle, part in zip((champion, challenger), parts, strict=True)
    )
    ratio = float(ours.mean() / theirs.mean())
    spread = ERRORS * float(np.std(ours - ratio * theirs) / np.sqrt(len(ours)) / theirs.mean())
    return max(0.0, ratio - spread), ratio + spread
