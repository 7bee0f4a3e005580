import numpy as np
import pytest
import torch

from models.data.labels import vote_weights
from models.objectives import OBJECTIVES
from models.objectives.asymmetric import AsymmetricLoss
from models.objectives.base.objective import Supervised
from models.training.contract import of_objective

OBJECTIVE_NAMES = [entry.name for entry in OBJECTIVES if isinstance(entry, Supervised)]


@pytest.mark.parametrize("name", OBJECTIVE_NAMES)
def test_every_objective_keeps_the_contract(name):
    assert of_objective(OBJECTIVES[name]) == []


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        (lambda logits, targets: (logits - targets) * torch.nan, "posts without a judgement move it"),
        (lambda logits, targets: logits * 0 + targets, "judged posts do not move it"),
        (
            lambda logits, targets: logits * targets - logits * (1 - targets),
            "a better logit does not always cost less",
        ),
        (lambda logits, targets: logits.exp() ** 2 - logits * targets, "logits of 200 make it infinite"),
    ],
)
def test_what_an_objective_breaks_is_told(loss, told):
    assert any(fault.startswith(told) for fault in of_objective(Supervised(name="own", loss=loss)))


@pytest.mark.parametrize("name", OBJECTIVE_NAMES)
def test_a_soft_target_pulls_to_the_side_that_most_votes_are_on(name):
    for target, sign in ((0.9, -1), (0.1, 1)):
        logits = torch.zeros(1, 1, requires_grad=True)
        OBJECTIVES[name](logits, torch.tensor([[target]]), torch.ones(1, 1)).backward()
        assert logits.grad.sign().item() == sign


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
