"""How weights are moved: AdamW at a rate that rises and falls in lines."""

from __future__ import annotations

from collections.abc import Sequence

from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from models.distributed.sharding import shards_and_wholes
from models.domain.preset import Preset

WARM_UP_SHARE = 0.1  # share of the steps in which the learning rate rises


def optimisation(
    groups: Sequence[tuple[list[nn.Parameter], float]], preset: Preset, steps: int
) -> OptimizerLRSchedulerConfig:
    """For groups of parameters, each at a share of the preset's highest rate."""
    optimizer = AdamW(
        [
            {"params": alike, "lr": preset.learning_rate * share}
            for group, share in groups
            for alike in shards_and_wholes(group)
        ],
        weight_decay=preset.weight_decay,
        fused=True,
    )
    schedule = LambdaLR(optimizer, lambda step: pace(step, steps))
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def pace(step: int, steps: int) -> float:
    """Share of the highest learning rate: up in a line, then down in a line to nothing at the last step."""
    rise = max(1, round(WARM_UP_SHARE * steps))
    return min((step + 1) / rise, max(0.0, (steps - step) / max(1, steps - rise)))
