"""What a training objective is: one that learns from judgements, or one that learns from the posts alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What every file of models/objectives announces, as one of its two kinds."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Supervised(Objective):
    """`loss` maps logits [N, P] and soft targets [N, P] in [0, 1] to losses [N, P]."""

    loss: Callable[[Tensor, Tensor], Tensor]

    def __call__(
        self, logits: Tensor, targets: Tensor, weights: Tensor, total: Tensor | None = None
    ) -> Tensor:
        """The weighted mean loss, a scalar; targets that are NaN are unknown and count for nothing.

        logits, targets, weights: [N, P]. `total`, a scalar, stands for the sum of the known weights where these posts
        are only a part of a batch. Zero, and still differentiable, where nothing is known.
        """
        known = ~torch.isnan(targets)
        weights = weights * known
        losses = self.loss(logits.float(), torch.where(known, targets, 0.0))
        return (losses * weights).sum() / (weights.sum() if total is None else total).clamp(min=1e-6)
