"""Whether an action keeps its promised precision on posts that its threshold was not derived from, over 200 resplits.

Scores are stored once, out of fold, and only split anew. An action that is not taken breaks no promise: where a policy
can hardly be told, the few thresholds that luck proves are the ones that break it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from models.domain.content import Action
from models.domain.policy import DEFAULT_MARKET
from models.evaluation.operating_points import JudgedScores, OperatingPoints
from models.policies import POLICY_SETS
from tests.benchmarks.frame import Bench, Figure, Seen, Table, at_least, shared_data

POLICIES = {"hate_speech": 0, "profanity": 1}  # and their class in the data
SIZES = (1000, 2000, 6000)  # judged posts that thresholds come from
RESPLITS = 200
LIMIT = "resplits in which the promised precision holds on the other posts, or no action is taken"
KEPT = Figure(
    name="promises of actions that are kept, all together", beside=LIMIT, aim=at_least(0.95), unit="share"
)
WORST = Figure(
    name="promises of the action that keeps fewest", beside=LIMIT, aim=at_least(0.95), unit="share"
)

SHIPPED = POLICY_SETS["community_guidelines"]
OBJECTIVES = SHIPPED.objectives[DEFAULT_MARKET]
SET = SHIPPED.model_copy(
    update={
        "policies": tuple(policy for policy in SHIPPED.policies if policy.key in POLICIES),
        "objectives": {DEFAULT_MARKET: OBJECTIVES},
    }
)
KEYS = SET.keys


def scored() -> tuple[np.ndarray, np.ndarray]:
    """Scores and labels [N, P] of tweets, by models that had not learned from them."""
    posts = pd.read_csv(shared_data("davidson.csv"))
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True).fit_transform(posts["tweet"])
    labels = np.stack([posts["class"] == POLICIES[key] for key in KEYS], axis=1)
    model = LogisticRegression(C=4, max_iter=300)
    columns = [
        cross_val_predict(model, words, labels[:, place], cv=5, method="predict_proba")[:, 1]
        for place in range(len(KEYS))
    ]
    return np.stack(columns, axis=1), labels


def resplit(
    scores: np.ndarray, labels: np.ndarray, size: int, seed: int
) -> Iterator[tuple[str, str, bool | None]]:
    """Each automatic action with whether it kept its promise; None where it is not taken."""
    order = np.random.default_rng(seed).permutation(len(scores))
    judged, unseen = order[:size], order[size:]
    markets = np.full(size, DEFAULT_MARKET)
    evidence = JudgedScores(KEYS, scores[judged], labels[judged].astype(float), markets)
    for point in OperatingPoints.derive(SET, evidence).of(DEFAULT_MARKET):
        if point.action is Action.REVIEW:
            continue
        column = KEYS.index(point.policy)
        acted = scores[unseen, column] >= (np.inf if point.threshold is None else point.threshold)
        kept = bool(labels[unseen, column][acted].mean() >= point.objective) if acted.any() else None
        yield point.policy, str(point.action), kept


def measure(folder: Path) -> Iterator[Seen | Table]:
    scores, labels = scored()
    taken: Counter[tuple[int, str, str]] = Counter()
    broken: Counter[tuple[int, str, str]] = Counter()
    for size in SIZES:
        for seed in range(RESPLITS):
            for policy, action, kept in resplit(scores, labels, size, seed):
                taken[size, policy, action] += kept is not None
                broken[size, policy, action] += kept is False
    kept = {key: 1 - broken[key] / RESPLITS for key in taken}
    worst = min(kept, key=lambda key: kept[key])
    yield KEPT.seen(float(np.mean(list(kept.values()))), f"{len(kept)} actions, {RESPLITS} resplits each")
    yield WORST.seen(kept[worst], f"{worst[1]}, {worst[2]}, from {worst[0]:,} judged posts")
    rows = [
        (
            f"{size:,}",
            policy,
            action,
            f"{taken[size, policy, action] / RESPLITS:.1%}",
            f"{kept[size, policy, action]:.1%}",
        )
        for size, policy, action in kept
    ]
    yield Table(
        columns=("judged posts", "policy", "action", "taken", "promise kept or not taken"), rows=tuple(rows)
    )


BENCH = Bench(figures=(KEPT, WORST), measure=measure, seeds="0 to 199")
