"""Callbacks of a training run: running average, place in the data, checkpoints that survive being killed."""

# ruff: noqa: ARG002 - Lightning calls hooks with every argument

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    ModelCheckpoint,
    RichProgressBar,
)
from torch import Tensor

from models.data.loader import SnapshotData
from models.domain.preset import Preset
from models.process.ranks import Ranks
from models.training.classifier import SCORE
from models.training.learner import AVERAGED_EVERY, Learner

LAST, BEST = "last", "best"


class RunningAverage(Callback):
    """Keeps a learner's running average; validations see it."""

    def __init__(self) -> None:
        self._step, self._swapped = 0, False

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step  # the same for all batches whose gradients are added up
        if step > self._step and (step - 1) % AVERAGED_EVERY == 0:
            self._step = step
            _learner(pl_module).average.update(_learner(pl_module).network, (step - 1) // AVERAGED_EVERY)

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._swap(pl_module)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._swap(pl_module)

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """What is saved then holds each in its place."""
        if self._swapped:
            self._swap(pl_module)

    def state_dict(self) -> dict[str, Any]:
        return {"step": self._step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._step = state_dict["step"]

    def _swap(self, pl_module: pl.LightningModule) -> None:
        self._swapped = not self._swapped
        _learner(pl_module).average.swap(_learner(pl_module).network)


def _learner(module: pl.LightningModule) -> Learner:
    assert isinstance(module, Learner)
    return module


class FirstStep(Callback):
    """Logs the loss of the first batch, of weights that have learned nothing; Lightning begins some steps later."""

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        first_step = trainer.global_step == 1 and batch_idx + 1 == trainer.accumulate_grad_batches
        if first_step and trainer.logger is not None:
            first = {name: float(value) for name, value in trainer.callback_metrics.items()}
            trainer.logger.log_metrics(first, step=0)


class Place(Callback):
    """Tells the data which of its batches have been trained on; a resumed run goes on behind them."""

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        data: SnapshotData = trainer.datamodule  # type: ignore[attr-defined]
        data.train.finished(batch_idx + 1)


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
        if batch_idx % trainer.accumulate_grad_batches == 0:
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
        """Raises KeyboardInterrupt once the checkpoint is saved.

        Whoever answers Ctrl-C for the process is told at once, and may end it when it comes again.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGINT)

        def ask(number: int, frame: FrameType | None) -> None:
            self._asked = True
            if callable(before):
                with suppress(KeyboardInterrupt):
                    before(number, frame)

        signal.signal(signal.SIGINT, ask)
        try:
            yield
            self._heed()  # asked after the last batch
        except _Interrupted:
            raise KeyboardInterrupt from None
        finally:
            if signal.getsignal(signal.SIGINT) is ask:  # else who answers has another answer from now on
                signal.signal(signal.SIGINT, before)

    def _heed(self) -> None:
        if self._asked:
            raise _Interrupted


class _Interrupted(BaseException):
    """Ctrl-C on its way through Lightning, which from a KeyboardInterrupt on ignores all others, and exits with 1."""


class LastCheckpoint(ModelCheckpoint):
    """`last.ckpt` every so many steps, before the last step of an epoch, and when something breaks.

    Only where a batch has been trained on whole and another is to follow, for from there alone Lightning goes on to the
    same result: resumed behind the last batch of an epoch it leaves out the validation, within or behind a validation
    it misses the score, and the gradients of a part of a batch are in no checkpoint. What breaks there goes on from
    before the epoch's last step.
    """

    def __init__(self, folder: Path, steps: int) -> None:
        super().__init__(
            dirpath=folder,
            filename=LAST,
            every_n_train_steps=steps,
            save_on_exception=Ranks.here().alone,  # the others would be waited for for ever
            enable_version_counter=False,
        )
        self._whole = False

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._whole = batch_idx % trainer.accumulate_grad_batches == 0

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor) -> None:
        self._whole = False

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        done, parts = batch_idx + 1, trainer.accumulate_grad_batches
        self._whole = not trainer.is_last_batch and done % parts == 0
        if self._whole and done == trainer.num_training_batches - parts:
            self._save(trainer)
        elif self._whole:
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        if self._whole:
            super().on_exception(trainer, pl_module, exception)

    def _save(self, trainer: pl.Trainer) -> None:
        if not self._should_skip_saving_checkpoint(trainer):
            self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))


def house_callbacks(preset: Preset, folder: Path, epochs: int) -> list[Callback]:
    """What every run has; a progress bar on standard error where that is a terminal.

    Patience is as many steps for a small split, whose `epochs` are shorter and more than the preset's.
    """
    patience = round(preset.patience * epochs / preset.epochs)
    best = ModelCheckpoint(
        dirpath=folder, filename=BEST, monitor=SCORE, mode="max", enable_version_counter=False
    )
    callbacks = [
        RunningAverage(),
        FirstStep(),
        Place(),
        EarlyStopping(monitor=SCORE, mode="max", patience=patience),
        best,
        LastCheckpoint(folder, preset.checkpoint_steps),
    ]
    if sys.stderr.isatty() and Ranks.here().alone:
        callbacks.append(RichProgressBar(console_kwargs={"stderr": True}))
    return callbacks
