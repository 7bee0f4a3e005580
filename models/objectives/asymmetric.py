"""Asymmetric loss for multi-label data with few positives (Ridnik et al., 2021, arXiv 2009.14119, equation 7).

Easy negatives count less than easy positives: the focusing exponents differ, and negatives whose probability
is below the margin count for nothing. A soft target mixes the losses of the two outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from models.objectives.base.objective import Supervised


@dataclass(frozen=True, kw_only=True)
class AsymmetricLoss:
    """The paper's own exponent of 4 suits 80 labels with 1 % positives; policies are fewer and less rare."""

    negative_focus: float = 1.0
    positive_focus: float = 0.0
    margin: float = 0.0

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """logits, targets: [N, P]; losses [N, P]."""
        probability = torch.sigmoid(logits)
        shifted = (probability - self.margin).clamp(min=0)
        positive = (1 - probability).pow(self.positive_focus) * functional.logsigmoid(logits)
        negative = shifted.pow(self.negative_focus) * self._log_absent(logits, shifted)
        return -(targets * positive + (1 - targets) * negative)

    def _log_absent(self, logits: Tensor, shifted: Tensor) -> Tensor:
        """log(1 - shifted), exact for large logits where there is no margin."""
        return torch.log1p(-shifted.clamp(max=1 - 1e-6)) if self.margin else functional.logsigmoid(-logits)


OBJECTIVE = Supervised(name="asymmetric", loss=AsymmetricLoss())
