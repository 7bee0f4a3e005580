import numpy as np
import pytest

from models.evaluation.admission import MARGIN, SHIFT, admission
from models.evaluation.predictions import Scored
from models.inference.precision import INT8, ONNX

POSTS = 600


def scored(logits, labels=None):
    """Posts of which every third violates, as `logits` say with some noise."""
    violates = (np.arange(POSTS) % 3 == 0).astype(np.float32)[:, None]
    names = np.array([str(i) for i in range(POSTS)])
    return Scored(
        policies=("a",), post_id=names, market=names, language=names, modality=names,
        cluster=np.arange(POSTS), labels=violates if labels is None else labels, logits=logits,
    )  # fmt: skip


@pytest.fixture
def logits():
    rng = np.random.default_rng(0)
    return (np.where(np.arange(POSTS) % 3 == 0, 1.0, -1.0) + rng.normal(0, 1, POSTS)).astype(np.float32)[
        :, None
    ]


def test_the_same_scores_are_admitted_with_no_difference(logits):
    found = admission(scored(logits), scored(logits))
    assert (found.serves, found.least_difference, found.shift) == (INT8, 0, 0)
    assert found.float_average_precision == found.int8_average_precision > 0.5


def test_a_little_noise_is_admitted(logits):
    noise = np.random.default_rng(1).normal(0, 0.002, logits.shape)
    found = admission(scored(logits), scored(logits + noise))
    assert found.serves == INT8
    assert 0 < found.shift < SHIFT


def test_a_ranking_that_falls_is_refused_and_says_by_how_much(logits):
    worse = np.where(np.arange(POSTS) % 5 == 0, -0.3, 0)[:, None] * (np.arange(POSTS) % 3 == 0)[:, None]
    found = admission(scored(logits), scored(logits + worse))
    assert found.serves == ONNX
    assert found.least_difference < -MARGIN
    assert f"may fall by {-found.least_difference:.4f}, and 0.01 is allowed" in found.reason


def test_what_too_few_posts_show_to_be_better_is_refused_as_it_may_be_worse(logits):
    noise = np.random.default_rng(3).normal(0, 0.1, logits.shape)
    few = np.where(np.arange(POSTS) < 30, (np.arange(POSTS) % 3 == 0).astype(float), np.nan)[:, None]
    found = admission(scored(logits, few), scored(logits + noise, few))
    assert found.int8_average_precision > found.float_average_precision
    assert found.serves == ONNX
    assert "macro average precision may fall" in found.reason


def test_scores_that_move_are_refused_though_their_ranking_stays(logits):
    found = admission(scored(logits), scored(0.5 * logits))
    assert found.least_difference == 0
    assert found.serves == ONNX
    assert "one score in 100 moves by" in found.reason


def test_what_is_no_number_is_refused(logits):
    broken = logits.copy()
    broken[5] = np.nan
    assert admission(scored(logits), scored(broken)).serves == ONNX


def test_without_a_post_that_tells_it_is_refused(logits):
    unknown = np.full((POSTS, 1), np.nan)
    found = admission(scored(logits, unknown), scored(logits, unknown))
    assert found.serves == ONNX
    assert found.reason.startswith("float: no policy has posts that violate")
    assert (found.float_average_precision, found.shift) == (None, 0)
