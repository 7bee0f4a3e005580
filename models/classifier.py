"""The network in training: loss, optimiser, schedule, validation metrics."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from models.data import Batch
from models.evaluation.metrics import average_precision
from models.network import Network
from models.objective import OBJECTIVES
from models.preset import Preset

SCORE = "validation/score"  # what early stopping and the best checkpoint go by
MAJORITY = 0.5  # share of the votes from which on a soft label violates
WARM_UP = 0.1  # share of the steps in which the learning rate rises


class Classifier(pl.LightningModule):
    """Trains a network for `steps` steps; each step's noise depends on the seed and the step alone."""

    def __init__(
        self, network: Network, preset: Preset, policies: tuple[str, ...], steps: int, seed: int
    ) -> None:
        super().__init__()
        self.network = network
        self.preset, self.policies, self.steps, self.seed = preset, policies, steps, seed
        self.objective = OBJECTIVES[preset.objective]
        self.metrics: dict[str, float] = {}  # of the last validation
        self._validated: list[tuple[Tensor, Tensor, Tensor]] = []

    def forward(self, batch: Batch) -> Tensor:
        """Logits [N, P]."""
        return self.network(**batch.inputs)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002 - Lightning's signature
        torch.manual_seed(self.seed * 1_000_003 + self.global_step)  # so that a resumed run draws the same

    def training_step(self, batch: Batch) -> Tensor:
        # without the n-grams, which already know the training split and would leave the encoders little to learn
        loss = self.objective(self.network.deep(**batch.inputs), batch.targets, batch.weights)
        self.log("train/loss", loss, batch_size=len(batch.targets))
        return loss

    def validation_step(self, batch: Batch) -> None:
        self._validated.append((self(batch).float().cpu(), batch.targets.cpu(), batch.weights.cpu()))

    def on_validation_epoch_end(self) -> None:
        logits, targets, weights = (torch.cat(parts) for parts in zip(*self._validated, strict=True))
        self._validated.clear()
        loss = self.objective(logits, targets, weights)
        found = precisions(logits.numpy(), targets.numpy())
        metrics = {f"validation/average_precision.{self.policies[i]}": value for i, value in found.items()}
        metrics["validation/loss"] = float(loss)
        if found:
            metrics["validation/macro_average_precision"] = float(np.mean(list(found.values())))
        metrics[SCORE] = metrics.get("validation/macro_average_precision", -float(loss))
        self.metrics = metrics
        self.log_dict(metrics)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        optimizer = AdamW(
            self.network.parameters(),
            lr=self.preset.learning_rate,
            weight_decay=self.preset.weight_decay,
            fused=True,
        )
        schedule = LambdaLR(optimizer, self._pace)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["metrics"] = self.metrics

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.metrics = checkpoint["metrics"]

    def _pace(self, step: int) -> float:
        """Share of the highest learning rate: up in a line, then down in a line to nothing at the last step."""
        rise = max(1, round(WARM_UP * self.steps))
        return min((step + 1) / rise, max(0.0, (self.steps - step) / max(1, self.steps - rise)))


def precisions(logits: np.ndarray, targets: np.ndarray) -> dict[int, float]:
    """Average precision by column of [N, P], where both outcomes are known; a soft target of one half violates."""
    found = {}
    for column in range(targets.shape[1]):
        known = ~np.isnan(targets[:, column])
        violates = targets[known, column] >= MAJORITY
        once = np.ones((int(known.sum()), 1), dtype=np.uint8)
        value = float(average_precision(violates, logits[known, column], once)[0])
        if not np.isnan(value):
            found[column] = value
    return found
