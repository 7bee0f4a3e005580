"""Focal loss (Lin et al., 2017, arXiv 1708.02002): what is already well classified counts less, either way.

Written for soft targets as in quality focal loss (Li et al., 2020, arXiv 2006.04388, equation 4).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from models.objectives.base.objective import Supervised


@dataclass(frozen=True, kw_only=True)
class FocalLoss:
    focus: float = 2.0

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """logits, targets: [N, P]; losses [N, P]."""
        surprise = (targets - torch.sigmoid(logits)).abs()
        return surprise.pow(self.focus) * functional.binary_cross_entropy_with_logits(
            logits, targets, reduction="none"
        )


OBJECTIVE = Supervised(name="focal", loss=FocalLoss())
