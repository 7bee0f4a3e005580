"""How the parts of the wide half are weighed, on made-up features."""

import numpy as np
import pytest
import torch

from models.layers.logistic_regression import Dense, solve
from models.layers.wide import Part, stacking, weighed
from models.network.network import Halves
from models.training.mixture import fitted_shares

PENALTIES = (0.01, 0.1, 1.0)


def drawn(count, seed, *, told):
    """Targets of `count` texts that features [count, 20] tell of (`told`) or not."""
    rng = np.random.default_rng(seed)
    rows, direction = rng.normal(size=(count, 20)) / np.sqrt(20), rng.normal(size=20) * 4
    logits = rows @ direction if told else rng.normal(size=count)
    return Dense(rows), (rng.random(count) < 1 / (1 + np.exp(-logits))).astype(float)


def loss(logits, targets):
    return float((np.logaddexp(0, logits) - targets * logits).mean())


def logits_of(parts, points):
    return sum(part.features.times(point[:-1]) + point[-1] for part, point in zip(parts, points, strict=True))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [60, 300, 1500])
def test_two_parts_are_not_worse_on_unseen_texts_than_the_better_one_alone(count, seed):
    telling, targets = drawn(count * 2, seed, told=True)
    silent = Dense(np.random.default_rng(seed + 100).normal(size=(count * 2, 20)) / np.sqrt(20))
    learned = np.arange(count * 2) < count
    fold, ones = np.arange(count) % 5, np.ones(count)

    def unseen(*features):
        parts = [Part(each, PENALTIES) for each in features]
        points = weighed([part.of(learned) for part in parts], targets[learned], ones, 0.0, fold)
        return loss(logits_of([part.of(~learned) for part in parts], points), targets[~learned])

    assert unseen(telling, silent) < unseen(telling) + 0.02
    assert unseen(telling, silent) < loss(np.zeros(count), targets[~learned])


def test_a_part_that_tells_nothing_counts_for_next_to_nothing():
    features, _ = drawn(2000, 0, told=True)
    _, targets = drawn(2000, 1, told=False)
    (point,) = weighed([Part(features, (0.01,))], targets, np.ones(2000), 0.0, np.arange(2000) % 2)
    alone = solve(features, targets, np.ones(2000), 0.0, 0.01)
    assert np.abs(point[:-1]).max() < 0.1 * np.abs(alone[:-1]).max()


def test_a_policy_that_nobody_judged_stays_at_its_prior():
    features, _ = drawn(10, 0, told=True)
    none = features.of(np.zeros(10, bool))
    (point,) = weighed([Part(none, PENALTIES)], np.zeros(0), np.zeros(0), -3.0, np.zeros(0, int))
    assert not point[:-1].any()
    assert point[-1] == pytest.approx(-3.0)


def test_shares_are_never_negative_and_follow_what_the_texts_say():
    rng = np.random.default_rng(0)
    right, targets = rng.normal(size=5000) * 2, np.zeros(5000)
    targets[rng.random(5000) < 1 / (1 + np.exp(-right))] = 1
    found = stacking(
        np.column_stack([right, -right, rng.normal(size=5000)]), targets, np.ones(5000), np.zeros(4)
    )
    assert found[0] == pytest.approx(1.0, abs=0.1)
    assert found[1] == 0.0
    assert abs(found[2]) < 0.1


def test_a_policy_with_few_violations_shares_as_all_policies_do_together():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 2, 2)) * 2
    targets = (rng.random((4000, 2)) < 1 / (1 + np.exp(-logits[:, :, 0]))).astype(
        float
    )  # deep is right, wide is not
    targets[8:, 1] = np.nan
    deep, wide, _ = fitted_shares(logits, targets, np.ones((4000, 2)))
    assert deep[0] == pytest.approx(1.0, abs=0.15)
    assert deep[1] == pytest.approx(deep[0], abs=0.2)
    assert (wide < 0.15).all()


def lost(logits, targets):
    return np.mean(np.logaddexp(0, logits) - targets * logits)


@pytest.mark.parametrize("posts", [100, 600])
@pytest.mark.parametrize("moved", [-3.0, 0.0, 3.0])
def test_fitted_halves_lose_no_more_than_equal_ones_wherever_a_half_lies(posts, moved):
    rng = np.random.default_rng(posts)
    truth = rng.normal(-2.5, 1.5, (posts, 2))
    targets = (rng.random((posts, 2)) < 1 / (1 + np.exp(-truth))).astype(float)
    wide = truth + rng.normal(0, 1, truth.shape)
    deep = 0.2 * truth + moved  # of a network that has hardly begun
    shares = fitted_shares(np.stack([deep, wide], axis=-1), targets, np.ones(targets.shape))
    mixed = Halves(torch.tensor(deep), torch.tensor(wide), torch.ones(posts, dtype=torch.bool), None).mixed(
        torch.tensor(shares)
    )
    assert lost(mixed.numpy(), targets) <= lost((deep + wide) / 2, targets) + 1e-3


def test_where_one_outcome_alone_is_known_nothing_is_fitted_to_it():
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(-1, 2, (300, 2, 2)), np.zeros((300, 2))
    assert fitted_shares(logits, targets, np.ones((300, 2))).tolist() == [[0.5, 0.5], [0.5, 0.5], [0.0, 0.0]]
    targets[:, 0] = rng.random(300) < 0.3
    found = fitted_shares(logits, targets, np.ones((300, 2)))
    assert found[:2, 1] == pytest.approx(found[:2, 0], abs=0.3)  # as all together
