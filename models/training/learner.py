"""What is trained: a network beside its running average, sharded where the strategy shards."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn

from models.distributed.sharding import shard
from models.domain.preset import Preset
from models.process.ranks import Ranks
from models.training.ema import Average

AVERAGED_EVERY = 4  # steps; copying the weights at each would cost as much as it gains
STRIDE, TURN = 1_000_003, 7_919  # between the seeds of runs, and those of processes
PART = 104_729  # between those of a batch's parts


class Learner(pl.LightningModule):
    """Each step's noise depends on the seed, the step and the process alone."""

    average: Average

    def __init__(self, network: nn.Module, preset: Preset, steps: int, seed: int) -> None:
        """For `steps` steps; the average's decay is that of its updates, one every AVERAGED_EVERY of them."""
        super().__init__()
        self.network, self.preset, self.steps, self.seed = network, preset, steps, seed
        self.decay = preset.averaging**AVERAGED_EVERY
        self.metrics: dict[str, float] = {}  # of the last validation

    def configure_model(self) -> None:
        """Called by Lightning when the processes know each other, and on each new fit."""
        if hasattr(self, "average"):
            return
        if self.device_mesh is not None:
            shard(self.network, self.device_mesh["data_parallel"])
        self.average = Average(self.network, self.decay)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:  # noqa: ARG002 - Lightning's signature
        self.reseed(batch_idx)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["metrics"] = self.metrics

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.metrics = checkpoint["metrics"]
        saver = self.trainer.checkpoint_callback
        for state in checkpoint["callbacks"].values():
            if isinstance(saver, ModelCheckpoint) and "dirpath" in state:
                state.update(_moved(state, state["dirpath"], str(saver.dirpath)))

    def reseed(self, batch_idx: int) -> None:
        """Draw the same in this step as a run that was resumed does; each process and part of a batch draws its own."""
        part = batch_idx % self.trainer.accumulate_grad_batches
        other = Ranks.here().rank * TURN + part * PART
        torch.manual_seed(self.seed * STRIDE + self.global_step + other * STRIDE)


def _moved(value: Any, before: str, now: str) -> Any:
    """What a checkpoint says of those beside it, where its folder lies now: of another, Lightning forgets the best."""
    if isinstance(value, dict):
        return {_moved(key, before, now): _moved(item, before, now) for key, item in value.items()}
    if isinstance(value, str) and (value == before or value.startswith(f"{before}/")):
        return now + value.removeprefix(before)
    return value
