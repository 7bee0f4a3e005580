"""A backbone in training, with what its objectives add to it: losses, optimiser, validation metrics."""

from __future__ import annotations

from collections import ChainMap, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from tokenizers import Tokenizer
from torch import Tensor, nn

from models.data.loader import Batch
from models.data.tokenizer import marks, masking_token
from models.domain.preset import Preset
from models.network.backbone import Backbone
from models.objectives.base.self_supervised import Learned, Material, ObjectiveHead, Posts
from models.pretraining.objective_mix import ObjectiveMix
from models.pretraining.views import draws, viewed
from models.process.ranks import Ranks
from models.training.classifier import SCORE
from models.training.learner import STRIDE, Learner
from models.training.optimization import optimisation


class BackboneInTraining(nn.Module):
    """A backbone and one lesson for each objective."""

    def __init__(
        self, backbone: Backbone, syllabus: ObjectiveMix, tokenizer: Tokenizer, teacher: Path | None = None
    ) -> None:
        super().__init__()
        self.backbone, self.shares = backbone, syllabus.shares
        preset = backbone.preset
        material = Material(
            preset=preset,
            backbone=backbone,
            masked=masking_token(tokenizer),
            marks=marks(tokenizer),
            marked=len(tokenizer.encode("").ids) > 1,
            teacher=teacher,
        )
        self.lessons = nn.ModuleDict(
            {objective.name: objective.build(material) for objective in syllabus.objectives}
        )

    def forward(self, batch: Batch) -> dict[str, Learned]:
        """What each objective makes of the posts, by its name."""
        posts = Posts(self.backbone, batch)
        return {name: self._lesson(name)(posts) for name in self.lessons}

    def loss(self, learned: dict[str, Learned]) -> Tensor:
        """The weighted sum of the losses, a scalar."""
        return torch.stack([self.shares[name] * found.loss for name, found in learned.items()]).sum()

    def groups(self, encoder_rate: float) -> list[tuple[list[nn.Parameter], float]]:
        """What is trained and at which rate: the towers at `encoder_rate`, the rest at 1; no empty groups."""
        towers = set(self.backbone.towers.parameters())
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        of_towers = [parameter for parameter in trained if parameter in towers]
        rest = [parameter for parameter in trained if parameter not in towers]
        return [(group, share) for group, share in ((of_towers, encoder_rate), (rest, 1.0)) if group]

    def _lesson(self, name: str) -> ObjectiveHead:
        lesson = self.lessons[name]
        assert isinstance(lesson, ObjectiveHead)
        return lesson


class Pretraining(Learner):
    """Trains for `steps` steps."""

    network: BackboneInTraining

    def __init__(self, network: BackboneInTraining, preset: Preset, steps: int, seed: int) -> None:
        super().__init__(network, preset, steps, seed)
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._items: defaultdict[str, int] = defaultdict(int)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        learned = self.network(viewed(batch, self._drawn(len(batch.input_ids), batch_idx), self.preset))
        loss = self.network.loss(learned)
        for name, found in learned.items():
            self.log(f"train/{name}", found.loss, batch_size=max(1, found.items))
        self.log("train/loss", loss, batch_size=len(batch.input_ids))
        return loss

    def _drawn(self, posts: int, batch_idx: int) -> Tensor:
        """How these posts are looked at in this step; the processes' shares are those of one process alone."""
        ranks, parts = Ranks.here(), self.trainer.accumulate_grad_batches
        rows = batch_idx % parts * ranks.world + ranks.rank + torch.arange(posts) * parts * ranks.world
        whole = draws(self.preset.batch_size, self.seed * STRIDE + self.global_step)
        return whole[rows % self.preset.batch_size]

    def on_validation_batch_start(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:  # noqa: ARG002 - as above
        torch.manual_seed(batch_idx)  # what is hidden is the same in each validation

    def validation_step(self, batch: Batch) -> None:
        ranks = Ranks.here()
        for name, found in self.network(batch).items():
            whole = (
                sum(ranks.gathered([found.items])) / ranks.world
            )  # a process's loss is a share of the batch's
            for metric, value in {"loss": found.loss, **found.metrics}.items():
                self._sums[f"{name}.{metric}"] += float(value) * (whole if metric == "loss" else found.items)
            self._items[name] += found.items

    def on_validation_epoch_end(self) -> None:
        everyones = Ranks.here().gathered([(dict(self._sums), dict(self._items))])
        sums, items = (_added_up(parts) for parts in zip(*everyones, strict=True))
        metrics = {
            f"validation/{name}": value / max(1, items[name.partition(".")[0]])
            for name, value in sums.items()
        }
        losses = {name: metrics[f"validation/{name}.loss"] for name in items}
        metrics["validation/loss"] = sum(self.network.shares[name] * loss for name, loss in losses.items())
        metrics[SCORE] = -metrics["validation/loss"]
        self._sums.clear()
        self._items.clear()
        self.metrics = metrics
        self.log_dict(metrics)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        return optimisation(self.network.groups(self.preset.encoder_rate), self.preset, self.steps)


def _added_up(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {name: sum(part.get(name, 0) for part in parts) for name in dict(ChainMap(*parts))}
