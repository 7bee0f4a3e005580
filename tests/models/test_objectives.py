import numpy as np
import pytest
import torch

from models.objective import OBJECTIVES, Supervised, vote_weights
from models.objectives.asymmetric import AsymmetricLoss

OBJECTIVE_NAMES = [entry.name for entry in OBJECTIVES if isinstance(entry, Supervised)]


@pytest.mark.parametrize("name", OBJECTIVE_NAMES)
def test_a_post_without_judgement_is_masked(name):
    logits = torch.tensor([[0.3, 5.0], [-1.0, -5.0]], requires_grad=True)
    targets = torch.tensor([[1.0, float("nan")], [0.0, float("nan")]])
    loss = OBJECTIVES[name](logits, targets, torch.ones(2, 2))
    loss.backward()
    assert loss.isfinite()
    assert (logits.grad[:, 1] == 0).all()
    assert (logits.grad[:, 0] != 0).all()


@pytest.mark.parametrize("name", OBJECTIVE_NAMES)
def test_where_nothing_is_known_the_loss_is_zero(name):
    logits = torch.randn(3, 2, requires_grad=True)
    loss = OBJECTIVES[name](logits, torch.full((3, 2), float("nan")), torch.ones(3, 2))
    loss.backward()
    assert loss.item() == 0
    assert (logits.grad == 0).all()


@pytest.mark.parametrize("name", OBJECTIVE_NAMES)
@pytest.mark.parametrize("target", [0.0, 1.0])
def test_a_better_logit_costs_less(name, target):
    logits = torch.linspace(-4, 4, 9).unsqueeze(1)
    losses = OBJECTIVES[name].loss(logits, torch.full((9, 1), target)).squeeze(1)
    steps = losses.diff() * (1 if target == 0 else -1)
    assert (steps > 0).all()


@pytest.mark.parametrize("name", OBJECTIVE_NAMES)
def test_a_soft_target_pulls_to_the_side_that_most_votes_are_on(name):
    for target, sign in ((0.9, -1), (0.1, 1)):
        logits = torch.zeros(1, 1, requires_grad=True)
        OBJECTIVES[name](logits, torch.tensor([[target]]), torch.ones(1, 1)).backward()
        assert logits.grad.sign().item() == sign


@pytest.mark.parametrize("name", OBJECTIVE_NAMES)
def test_extreme_logits_stay_finite(name):
    logits = torch.tensor([[-200.0, 200.0, 200.0, -200.0]], requires_grad=True)
    loss = OBJECTIVES[name](logits, torch.tensor([[1.0, 0.0, 1.0, 0.0]]), torch.ones(1, 4))
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


def test_the_asymmetric_loss_is_equation_7_of_its_paper():
    logits, loss = torch.tensor([0.4]), AsymmetricLoss(negative_focus=4, positive_focus=1, margin=0.05)
    p = torch.sigmoid(logits)
    positive = -((1 - p) * p.log())
    negative = -((p - 0.05) ** 4) * (1 - (p - 0.05)).log()
    assert torch.allclose(loss(logits, torch.ones(1)), positive)
    assert torch.allclose(loss(logits, torch.zeros(1)), negative)


def test_without_focus_or_margin_the_asymmetric_loss_is_cross_entropy():
    logits, targets = torch.randn(50), torch.rand(50)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    assert torch.allclose(AsymmetricLoss(negative_focus=0)(logits, targets), expected, atol=1e-6)


def test_more_votes_count_more_and_none_counts_nothing():
    weights = vote_weights(np.array([0, 1, 2, 5], dtype=np.float32))
    assert weights[0] == 0
    assert (np.diff(weights) > 0).all()
    assert weights[-1] < 1
