"""The network in training: loss, optimiser, schedule, validation metrics."""

from __future__ import annotations

import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor

from models.data.loader import Batch
from models.domain.preset import Preset
from models.evaluation.metrics import average_precision
from models.evaluation.thresholds import MAJORITY
from models.network.network import Halves, Network
from models.objectives import supervised
from models.process.ranks import Ranks
from models.training.learner import Learner
from models.training.mixture import fitted_shares
from models.training.optimization import optimisation

SCORE = "validation/score"  # what early stopping and the best checkpoint go by
MIN_VIOLATIONS = (
    20  # violations in the validation split; a ranking of fewer is chance, and the loss is gone by
)


class Classifier(Learner):
    """Trains a network for `steps` steps."""

    network: Network

    def __init__(
        self, network: Network, preset: Preset, policies: tuple[str, ...], steps: int, seed: int
    ) -> None:
        super().__init__(network, preset, steps, seed)
        self.policies = policies
        self.objective = supervised(preset.objective)
        self._validated: list[tuple[Halves, Tensor, Tensor]] = []

    def forward(self, batch: Batch) -> Tensor:
        """Logits [N, P]."""
        return self.network(**batch.inputs)

    def training_step(self, batch: Batch) -> Tensor:
        # without the n-grams, which already know the training split and would leave the encoders little to learn
        loss = self.objective(self.network.deep(**batch.inputs), batch.targets, batch.weights, batch.total)
        self.log("train/loss", loss, batch_size=len(batch.targets), sync_dist=True)
        return loss

    def validation_step(self, batch: Batch) -> None:
        halves = self.network.halves(**batch.inputs).kept()
        self._validated.append((halves, batch.targets.cpu(), batch.weights.cpu()))

    def on_validation_epoch_end(self) -> None:
        """From here on the network's halves count for what this validation says."""
        validated = Ranks.here().gathered(self._validated)
        halves = Halves.joined([part for part, _, _ in validated])
        targets, weights = (torch.cat(parts) for parts in list(zip(*validated, strict=True))[1:])
        self._validated.clear()
        metrics = self._mixed(halves, targets, weights)
        logits = halves.mixed(self.network.shares.cpu())
        loss = self.objective(logits, targets, weights)
        found = precisions(logits.numpy(), targets.numpy())
        metrics |= {f"validation/average_precision.{self.policies[i]}": value for i, value in found.items()}
        metrics["validation/loss"] = float(loss)
        if found:
            metrics["validation/macro_average_precision"] = float(np.mean(list(found.values())))
        ranks = bool(found) and int((targets >= MAJORITY).sum()) >= MIN_VIOLATIONS
        metrics[SCORE] = metrics["validation/macro_average_precision"] if ranks else -float(loss)
        self.metrics = metrics
        self.log_dict(metrics)

    def _mixed(self, halves: Halves, targets: Tensor, weights: Tensor) -> dict[str, float]:
        """How the halves count from here on; how each alone does where the wide one goes by something."""
        if halves.wide is None or not halves.told.any():
            return {}
        logits = torch.stack([halves.deep, halves.wide], dim=-1)[halves.told].numpy()
        wanted, counts = targets[halves.told].numpy(), weights[halves.told].numpy()
        self.network.shares.copy_(torch.from_numpy(fitted_shares(logits, wanted, counts)))
        found = {name: precisions(logits[..., place], wanted) for place, name in enumerate(("deep", "wide"))}
        return {
            f"validation/parts/{name}": float(np.mean(list(each.values())))
            for name, each in found.items()
            if each
        }

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        return optimisation(self.network.groups(self.preset.encoder_rate), self.preset, self.steps)


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
