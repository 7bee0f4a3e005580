import numpy as np
import pytest

from infra.rollout.confidence_sequence import expected, interval, sums

ALPHA = 0.05


@pytest.mark.parametrize("mean", [0.01, 0.1, 0.5])
def test_the_mean_stays_inside_however_often_one_looks(mean):
    rng = np.random.default_rng(1)
    totals = (rng.random((1000, 5000)) < mean).cumsum(axis=1)[:, ::10]
    low, high = interval(totals, np.arange(1, 5001)[::10], ALPHA)
    ever_missed = ((low > mean) | (high < mean)).any(axis=1).mean()
    assert ever_missed <= ALPHA


def test_scores_between_nought_and_one_are_covered_like_coin_flips():
    rng = np.random.default_rng(2)
    totals = rng.beta(1, 9, (1000, 3000)).cumsum(axis=1)[:, ::10]
    low, high = interval(totals, np.arange(1, 3001)[::10], ALPHA)
    assert ((low > 0.1) | (high < 0.1)).any(axis=1).mean() <= ALPHA


def test_a_fixed_interval_that_is_read_again_and_again_would_miss_far_more_often():
    rng = np.random.default_rng(3)
    counts = np.arange(1, 5001)[::10]
    means = (rng.random((1000, 5000)) < 0.5).cumsum(axis=1)[:, ::10] / counts
    naive = 1.96 * np.sqrt(0.25 / counts)
    assert (np.abs(means - 0.5) > naive).any(axis=1).mean() > 5 * ALPHA


def test_a_wrong_expectation_covers_the_mean_too_and_a_right_one_finds_it_sooner():
    rng = np.random.default_rng(7)
    totals, counts = (rng.random((1000, 5000)) < 0.1).cumsum(axis=1)[:, ::10], np.arange(1, 5001)[::10]
    widths = []
    for belief in (0.1, 0.3):
        low, high = interval(totals, counts, ALPHA, expected(belief, 10_000))
        assert ((low > 0.1) | (high < 0.1)).any(axis=1).mean() <= ALPHA
        widths.append((high - low)[:, -1].mean())
    low, high = interval(totals[:, -1], counts[-1], ALPHA)
    assert widths[0] < (high - low).mean() < widths[1]


def test_without_an_observation_nothing_is_known():
    assert interval(0, 0, ALPHA) == (0, 1)


def test_bounds_close_in_with_the_count_and_open_with_certainty():
    narrow, wide = interval([10, 100, 1000], [100, 1000, 10_000], ALPHA), interval(100, 1000, 1e-6)
    widths = narrow[1] - narrow[0]
    assert (np.diff(widths) < 0).all()
    assert wide[1] - wide[0] > widths[1]


def test_never_and_always_are_bounded_on_one_side():
    low, high = interval([0, 50], [50, 50], ALPHA)
    assert low[0] == 0 < high[0] < 0.2
    assert high[1] == 1 > low[1] > 0.8


def test_sums_are_the_same_boundary_seen_from_the_mean():
    fewest, most = sums(0.3, 1000, ALPHA)
    assert interval(np.ceil(fewest), 1000, ALPHA)[1] >= 0.3 >= interval(np.floor(most), 1000, ALPHA)[0]
    assert interval(np.floor(fewest) - 1, 1000, ALPHA)[1] < 0.3 < interval(np.ceil(most) + 1, 1000, ALPHA)[0]
