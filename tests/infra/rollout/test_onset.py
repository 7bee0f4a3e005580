"""Evidence over the stages of a rollout, whenever harm began."""

import numpy as np
import pytest

from infra.rollout.judge import ERROR_RATE
from infra.rollout.onset import one_more, weight
from tests.benchmarks.simulated_families import evidence

STAGES = 6


def after(*shown):
    """Log R after stages that have shown so much each."""
    found = None
    for stage, each in enumerate(shown):
        found = one_more(found, each, stage, STAGES)
    return found


@pytest.mark.parametrize("stages", range(1, 8))
def test_the_starts_that_there_may_be_weigh_one_together(stages):
    assert sum(weight(stage, stages) for stage in range(stages)) == pytest.approx(1)


def test_one_number_holds_the_mixture_over_every_start():
    shown = np.array([0.5, -2.0, 1.5, 3.0])
    starts = [weight(start, STAGES) * np.exp(shown[start:].sum()) for start in range(len(shown))]
    assert after(*shown) == pytest.approx(np.log(sum(starts)))


def test_what_earlier_stages_saw_counts():
    assert after(3.0, 3.0, 3.0) > 9 + np.log(weight(0, STAGES))


def test_health_in_earlier_stages_does_not_hide_a_late_harm():
    assert after(-500.0, -500.0, -500.0, 12.0) == pytest.approx(12 + np.log(weight(3, STAGES)))


@pytest.mark.parametrize("at_limit", [False, True])
def test_the_whole_family_read_on_and_on_is_rarely_wrong_at_any_level(at_limit):
    """All guardrails, 8 policies and 5 markets, 72 looks over six stages: 1 / alpha is reached in alpha of them."""
    most = evidence(100, seed=1, at_limit=at_limit).max(axis=1)
    for alpha in (ERROR_RATE, 0.05, 0.2, 0.5):
        assert (most >= -np.log(alpha)).mean() <= alpha
    assert most.max() > -3, "it was looked at at all"
