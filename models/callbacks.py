"""Callbacks of a training run: running average, pace, checkpoints that survive being killed."""

# ruff: noqa: ARG002 - Lightning calls hooks with every argument

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    ModelCheckpoint,
    RichProgressBar,
    WeightAveraging,
)
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch.optim.swa_utils import get_ema_multi_avg_fn

from models.classifier import SCORE
from models.data import Batch, SnapshotData
from models.preset import Preset

LAST, BEST = "last", "best"
AVERAGED_EVERY = 4  # steps; copying the weights at each would cost as much as it gains


class RunningAverage(WeightAveraging):
    """Exponential moving average of the weights; validation and the exported model use it."""

    def __init__(self, decay: float) -> None:
        super().__init__(use_buffers=False, multi_avg_fn=get_ema_multi_avg_fn(decay**AVERAGED_EVERY))

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        return step_idx is not None and step_idx % AVERAGED_EVERY == 0


class Pace(Callback):
    """Counts what was trained on: for the data's place in the epoch, and for the throughput."""

    def __init__(self) -> None:
        self.items, self.seconds, self._since = 0, 0.0, 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._since = time.perf_counter()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        data: SnapshotData = trainer.datamodule  # type: ignore[attr-defined]
        data.train.finished(batch_idx + 1)
        self.items += len(batch.targets)
        now = time.perf_counter()
        self.seconds, self._since = self.seconds + now - self._since, now

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._since = time.perf_counter()
        if trainer.logger is not None and self.seconds:
            trainer.logger.log_metrics({"train/items_per_second": self.items_per_second}, trainer.global_step)

    @property
    def items_per_second(self) -> float:
        return self.items / self.seconds if self.seconds else 0.0


class Interrupt(Callback):
    """Ctrl-C takes effect between two batches: inside of one it could leave a store's transaction open for ever."""

    def __init__(self) -> None:
        self._asked = False
        self._terminate = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Whoever runs this process keeps its own answer to SIGTERM, which Lightning would wrap in one of its own."""
        if callable(self._terminate) and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._terminate)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._heed()

    def on_validation_batch_start(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._heed()

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Raises KeyboardInterrupt once the checkpoint is saved; Lightning leaves with SystemExit, as on a crash."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, lambda *_: setattr(self, "_asked", True))
        try:
            yield
        except SystemExit:
            self._heed()
            raise
        finally:
            signal.signal(signal.SIGINT, before)

    def _heed(self) -> None:
        if self._asked:
            raise KeyboardInterrupt


class LastCheckpoint(ModelCheckpoint):
    """`last.ckpt` every so many steps, and when something breaks.

    Never at the last batch of an epoch: Lightning would resume from there without the epoch's validation.
    """

    def __init__(self, folder: Path, steps: int) -> None:
        super().__init__(
            dirpath=folder,
            filename=LAST,
            every_n_train_steps=steps,
            save_on_exception=True,
            enable_version_counter=False,
        )

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not trainer.is_last_batch:
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)


class AtomicCheckpoints(TorchCheckpointIO):
    """A checkpoint is there in full or not at all, wherever the process is killed."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        partial = Path(f"{path}.partial")
        partial.parent.mkdir(parents=True, exist_ok=True)
        torch.save(checkpoint, partial)
        partial.replace(path)


def house_callbacks(preset: Preset, folder: Path, epochs: int) -> list[Callback]:
    """What every run has; a progress bar on standard error where that is a terminal.

    Patience is as many steps for a small split, whose `epochs` are shorter and more than the preset's.
    """
    patience = round(preset.patience * epochs / preset.epochs)
    # whole checkpoints: one of weights only would hold the latest weights and not their running average
    best = ModelCheckpoint(
        dirpath=folder, filename=BEST, monitor=SCORE, mode="max", enable_version_counter=False
    )
    callbacks = [
        RunningAverage(preset.averaging),
        Pace(),
        EarlyStopping(monitor=SCORE, mode="max", patience=patience),
        best,
        LastCheckpoint(folder, preset.checkpoint_steps),
    ]
    if sys.stderr.isatty():
        callbacks.append(RichProgressBar(console_kwargs={"stderr": True}))
    return callbacks
