import numpy as np
import pytest

from infra.rollout.estimate import Quantile
from infra.rollout.latency import BUCKETS, WIDTH, bucketed

MEDIAN = 8.0
TRUE = {0.5: MEDIAN, 0.99: MEDIAN * np.exp(0.4 * 2.3263)}


@pytest.mark.parametrize("level", TRUE)
def test_the_quantile_stays_inside_however_often_one_looks(level):
    rng = np.random.default_rng(4)
    missed = 0
    for _ in range(200):
        counts = np.zeros(BUCKETS, np.int64)
        for _ in range(40):
            counts += bucketed(rng.lognormal(np.log(MEDIAN), 0.4, 50))
            _, low, high = Quantile(counts, level).interval(0.05)
            if not low <= TRUE[level] <= high:
                missed += 1
                break
    assert missed / 200 <= 0.05


@pytest.mark.parametrize("level", TRUE)
def test_the_estimate_is_right_to_the_width_of_a_bucket(level):
    drawn = np.random.default_rng(5).lognormal(np.log(MEDIAN), 0.4, 200_000)
    estimate, low, high = Quantile(bucketed(drawn), level).interval(0.01)
    assert estimate == pytest.approx(np.quantile(drawn, level), rel=WIDTH - 1)
    assert low < TRUE[level] < high < 1.1 * TRUE[level]


def test_too_few_posts_leave_the_tail_open():
    _, low, high = Quantile(bucketed(np.full(50, 8.0)), 0.99).interval(0.01)
    assert low > 0
    assert high == np.inf


def test_without_a_post_nothing_is_known():
    _, low, high = Quantile(np.zeros(BUCKETS, np.int64), 0.5).interval(0.01)
    assert (low, high) == (0, np.inf)
