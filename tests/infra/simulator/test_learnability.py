"""What a plain text classifier makes of the platform: the tasks are neither hopeless nor given away."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from infra.simulator import Modality
from infra.simulator.vocabulary import DRIFTING
from tests.infra.simulator.conftest import POLICIES, Simulated

STABLE_TEXT = ("harassment", "violence", "minor_safety", "profanity")


@pytest.fixture(scope="module")
def labels(simulated: Simulated) -> np.ndarray:
    """Share of judgements that say violates, NaN where nobody judged: [posts, policies]."""
    row = {post_id: i for i, post_id in enumerate(simulated.posts.post_id)}
    shares = simulated.judgements.groupby(["post_id", "policy"]).violates.mean()
    labels = np.full(simulated.truth.violates.shape, np.nan)
    posts, policies = shares.index.get_level_values(0), shares.index.get_level_values(1)
    labels[posts.map(row), policies.map({key: i for i, key in enumerate(POLICIES)})] = shares.to_numpy()
    return labels


@pytest.fixture(scope="module")
def words(simulated: Simulated) -> csr_matrix:
    return TfidfVectorizer(sublinear_tf=True, min_df=2).fit_transform(simulated.posts.text.fillna(""))


def scores(words: csr_matrix, label: np.ndarray, rows: np.ndarray) -> np.ndarray:
    model = LogisticRegression(C=30, class_weight="balanced", max_iter=500)
    scored: np.ndarray = model.fit(words[rows], label[rows] >= 0.5).decision_function(words)
    return scored


def masked(
    simulated: Simulated, words: csr_matrix, labels: np.ndarray, policy: str, weeks: int
) -> np.ndarray:
    label = labels[:, POLICIES.index(policy)]
    return scores(words, label, ~np.isnan(label) & (simulated.truth.week <= weeks))


def precision(simulated: Simulated, scored: np.ndarray, truth: np.ndarray, week: int) -> float:
    there = simulated.truth.week == week
    return float(average_precision_score(truth[there], scored[there]))


@pytest.mark.parametrize("policy", STABLE_TEXT)
def test_text_finds_what_text_shows(simulated: Simulated, words: csr_matrix, labels: np.ndarray, policy: str):
    scored = masked(simulated, words, labels, policy, 3)
    text = simulated.truth.shown_by(Modality.TEXT)[:, POLICIES.index(policy)]
    assert precision(simulated, scored, text, 4) > 0.7


def test_text_does_not_find_what_only_the_pair_shows(
    simulated: Simulated, words: csr_matrix, labels: np.ndarray
):
    scored = masked(simulated, words, labels, "dangerous_acts", 3)
    assert precision(simulated, scored, simulated.violates("dangerous_acts"), 4) < 0.5


def test_unknowns_taken_for_harmless_cost_precision(
    simulated: Simulated, words: csr_matrix, labels: np.ndarray
):
    gains = []
    for policy in STABLE_TEXT:
        truth, naive = simulated.violates(policy), np.nan_to_num(labels[:, POLICIES.index(policy)])
        kept = masked(simulated, words, labels, policy, 3)
        taken = scores(words, naive, simulated.truth.week <= 3)
        gains.append(precision(simulated, kept, truth, 4) - precision(simulated, taken, truth, 4))
    assert np.mean(gains) > 0.02


@pytest.mark.parametrize("policy", DRIFTING)
def test_a_wave_of_slang_costs_precision_and_learning_it_wins_it_back(
    simulated: Simulated, words: csr_matrix, labels: np.ndarray, policy: str
):
    text = simulated.truth.shown_by(Modality.TEXT)[:, POLICIES.index(policy)]
    before, after = (masked(simulated, words, labels, policy, weeks) for weeks in (4, 5))
    stale = precision(simulated, before, text, 6)
    assert stale < 0.6 * precision(simulated, masked(simulated, words, labels, policy, 3), text, 4)
    assert precision(simulated, after, text, 6) > stale
