import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from models.evaluation.metrics import Curve, average_precision, bootstrap_weights, calibration_error


def ones(count):
    return np.ones((count, 1), np.uint8)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=60))
def test_average_precision_is_scikit_learns_with_ties_too(rows):
    violates, scores = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], float)
    found = average_precision(violates, scores, ones(len(rows)))[0]
    if violates.all() or not violates.any():
        assert np.isnan(found)
    else:
        assert found == pytest.approx(average_precision_score(violates, scores), abs=1e-6)


def test_a_weight_counts_a_post_as_often_as_it_says():
    rng = np.random.default_rng(0)
    violates, scores = rng.random(80) < 0.3, rng.normal(size=80).round(1)
    weights = rng.integers(0, 4, (80, 3))
    expected = [average_precision_score(violates, scores, sample_weight=column) for column in weights.T]
    assert average_precision(violates, scores, weights) == pytest.approx(expected, abs=1e-6)


def test_many_weightings_give_the_same_in_pieces(monkeypatch):
    rng = np.random.default_rng(1)
    violates, scores = rng.random(50) < 0.4, rng.normal(size=50)
    weights = bootstrap_weights(np.arange(50), 20, seed=0)
    whole = average_precision(violates, scores, weights)
    monkeypatch.setattr("models.evaluation.metrics.COLUMN_BUDGET", 60)
    assert average_precision(violates, scores, weights) == pytest.approx(whole, abs=1e-6)


def test_the_first_weighting_counts_every_post_once_and_near_duplicates_are_drawn_together():
    weights = bootstrap_weights(np.array([7, 7, 3, 3, 3]), 40, seed=5)
    assert weights[:, 0].tolist() == [1] * 5
    assert (weights[0] == weights[1]).all()
    assert (weights[2] == weights[4]).all()
    assert (weights[0] != weights[2]).any()
    assert (weights == bootstrap_weights(np.array([7, 7, 3, 3, 3]), 40, seed=5)).all()


def test_recall_is_the_highest_at_any_threshold_with_the_precision():
    violates = np.array([True, False, True, True, False, False])
    scores = np.array([6.0, 5.0, 4.0, 3.0, 2.0, 1.0])
    curve = Curve.of(violates, scores, ones(6))
    assert curve.recall_at(0.75)[0] == pytest.approx(1.0)  # 3 of the first 4
    assert curve.recall_at(0.9)[0] == pytest.approx(1 / 3)


def test_no_threshold_with_the_precision_means_no_recall():
    curve = Curve.of(np.array([False, True]), np.array([2.0, 1.0]), ones(2))
    assert curve.recall_at(0.9)[0] == 0


def test_probabilities_that_hold_have_little_calibration_error_and_others_have_much():
    rng = np.random.default_rng(2)
    probabilities = rng.random(20_000)
    violates = rng.random(20_000) < probabilities
    assert calibration_error(violates, probabilities, ones(20_000))[0] < 0.02
    assert calibration_error(violates, probabilities**3, ones(20_000))[0] > 0.15


def test_calibration_error_by_hand():
    violates = np.array([True] * 5 + [False] * 5)
    error = calibration_error(violates, np.linspace(0.9, 0.0, 10), ones(10))[0]  # ten bins of one post each
    assert error == pytest.approx(np.abs(violates - np.linspace(0.9, 0.0, 10)).mean(), abs=1e-6)


def test_without_posts_the_calibration_error_is_undefined():
    assert np.isnan(calibration_error(np.empty(0, bool), np.empty(0), np.ones((0, 3), np.uint8))).all()
