"""What of an encoder is trained: everything, low-rank additions to its matrices, or nothing.

An addition is a parametrisation of the weight itself (Hu et al., 2021, arXiv 2106.09685, section 4.1), so that it also
reaches libraries' attention layers, which read the weights of their parts without calling them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

MATRIX = 2  # axes
MIN_SIDE = 16  # rows and columns; smaller matrices are trained in full ranks for nothing


class LowRank(nn.Module):
    """W + B A, with B zero at first; W keeps its values."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.empty(rank, weight.shape[1]))
        self.up = nn.Parameter(torch.zeros(weight.shape[0], rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.up @ self.down


def adapt(towers: nn.Module, tuning: str, rank: int) -> None:
    """Make only that part of the towers trainable; changes them in place."""
    if tuning == "full":
        return
    for parameter in towers.parameters():
        parameter.requires_grad_(False)
    if tuning == "lora":
        for module, name in list(_matrices(towers)):
            parametrize.register_parametrization(module, name, LowRank(getattr(module, name), rank))


def merge(towers: nn.Module) -> None:
    """The additions become part of the weights; changes the towers in place.

    Torch's own removal takes the weight's property from the module's class, which a copied module shares with the one
    that it is a copy of.
    """
    for module in list(towers.modules()):
        if not parametrize.is_parametrized(module):
            continue
        names = list(module.parametrizations)  # type: ignore[arg-type]
        weights = {name: getattr(module, name).detach().clone() for name in names}
        module.__class__ = type(module).__bases__[0]
        del module.parametrizations
        for name, weight in weights.items():
            module.register_parameter(name, nn.Parameter(weight))


def _matrices(towers: nn.Module) -> list[tuple[nn.Module, str]]:
    """Weights of products; embeddings, which are looked up, are none."""
    return [
        (module, name)
        for module in towers.modules()
        if not isinstance(module, nn.Embedding)
        for name, parameter in module.named_parameters(recurse=False)
        if name.endswith("weight") and parameter.dim() == MATRIX and min(parameter.shape) >= MIN_SIDE
    ]
