import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation.calibration import Calibration, CalibrationMap


def draw(count, slope, offset, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, count)
    return logits, rng.random(count) < 1 / (1 + np.exp(-(slope * logits + offset)))


def test_without_judgements_the_map_is_the_identity():
    found = CalibrationMap.fit(np.empty(0), np.empty(0, bool))
    assert found.method == "identity"
    assert found(np.array([0.0, 2.0])) == pytest.approx([0.5, 1 / (1 + np.exp(-2))])


def test_few_violations_only_shift_so_that_the_mean_is_the_observed_rate():
    logits = np.random.default_rng(0).normal(0, 1, 400)
    violates = np.arange(400) < 8
    found = CalibrationMap.fit(logits, violates)
    assert (found.method, found.slope) == ("shift", 1.0)
    assert found(logits).mean() == pytest.approx(8 / 400, rel=0.2)


def test_some_violations_are_scaled_as_platt_did():
    found = CalibrationMap.fit(*draw(900, 0.5, -2.0))
    assert found.method == "platt"
    assert found.slope == pytest.approx(0.5, abs=0.15)
    assert found.offset == pytest.approx(-2.0, abs=0.3)


def test_many_violations_follow_a_curve_that_no_line_describes():
    rng = np.random.default_rng(3)
    logits = rng.uniform(-4, 4, 20_000)
    truth = np.where(logits < 0, 0.05, np.where(logits < 2, 0.5, 0.6))
    found = CalibrationMap.fit(logits, rng.random(20_000) < truth)
    assert found.method == "isotonic"
    assert found(np.array([-2.0, 1.0, 3.0])) == pytest.approx([0.05, 0.5, 0.6], abs=0.05)


@given(st.integers(1, 800), st.floats(0.01, 0.99), st.integers(0, 99))
def test_every_map_keeps_the_ranking_and_yields_probabilities(count, rate, seed):
    rng = np.random.default_rng(seed)
    found = CalibrationMap.fit(rng.normal(0, 5, count), rng.random(count) < rate)
    probabilities = found(np.linspace(-12, 12, 400))
    assert (np.diff(probabilities) > 0).all()
    assert probabilities.min() >= 0
    assert probabilities.max() <= 1


def test_a_ranking_that_is_upside_down_is_never_turned_round():
    logits, violates = draw(1000, 1.0, 0.0)
    assert CalibrationMap.fit(-logits, violates).slope > 0


def test_unknown_labels_are_masked_and_soft_labels_count_by_majority():
    logits = np.zeros((5, 2))
    labels = np.array([[0.5, np.nan], [0.49, np.nan], [1.0, np.nan], [np.nan, np.nan], [0.0, 1.0]])
    found = Calibration.fit(("a", "b"), logits, labels)
    assert (found.maps["a"].judged, found.maps["a"].violations) == (4, 2)
    assert (found.maps["b"].judged, found.maps["b"].violations) == (1, 1)


def test_a_calibration_survives_json_unchanged():
    logits, violates = draw(3000, 0.7, -1.0)
    found = Calibration.fit(("a",), logits[:, None], violates[:, None].astype(float))
    again = Calibration.model_validate_json(found.model_dump_json())
    assert again(logits[:, None]).tolist() == found(logits[:, None]).tolist()


@pytest.mark.parametrize("odds", [0.0, 1e9])
def test_a_sample_of_one_class_alone_does_not_decide_for_every_score(odds):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2000, 1))
    found = Calibration.fit(("a",), logits, (rng.random((2000, 1)) < 1 / (1 + np.exp(-logits))).astype(float))
    moved = found.moved({"a": odds})(logits)[:, 0]
    assert np.corrcoef(moved, found(logits)[:, 0])[0, 1] > 0
    assert 0.001 < moved.mean() < 0.999
