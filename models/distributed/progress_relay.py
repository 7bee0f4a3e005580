"""The course of a training in other processes: its first one tells it, and whoever started them hears of it."""

# ruff: noqa: ARG002 - Lightning calls hooks with every argument

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from models.distributed.messages import FAILURE, Message
from models.domain.errors import UserError

START, STEP, VALIDATED, END, METRICS = "start", "step", "validated", "end", "metrics"
PAUSE = 0.5  # seconds between two words about steps


class Telling(Callback):
    """How far the first process has come."""

    def __init__(self, tell: Callable[[Message], None]) -> None:
        self._tell, self._said = tell, 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._say(START, trainer)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if time.monotonic() - self._said > PAUSE:
            self._said = time.monotonic()
            self._say(STEP, trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._say(VALIDATED, trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._say(END, trainer)

    def _say(self, kind: str, trainer: pl.Trainer) -> None:
        if trainer.is_global_zero:
            steps = trainer.estimated_stepping_batches
            metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
            self._tell(
                {
                    "kind": kind,
                    "step": trainer.global_step,
                    "epoch": trainer.current_epoch,
                    "steps": int(steps),
                    "epochs": trainer.max_epochs,
                    "metrics": metrics,
                }
            )


class TellingLogger(Logger):
    """Hands on what Lightning logs."""

    def __init__(self, tell: Callable[[Message], None]) -> None:
        super().__init__()
        self._tell = tell

    @property
    def name(self) -> str:
        return "course"

    @property
    def version(self) -> str:
        return ""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self._tell(
            {
                "kind": METRICS,
                "step": step,
                "metrics": {name: float(value) for name, value in metrics.items()},
            }
        )

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """A run's preset is known where it was started."""


class ProgressRelay:
    """Stands for the trainer, which is in another process, before callbacks and a logger that stayed here.

    Callbacks are called at the start, after steps (a few a second), after validations and at the end, with no module,
    outputs or batch. They read global_step, current_epoch, max_epochs, estimated_stepping_batches and
    callback_metrics. An exception of theirs ends the training.
    """

    is_global_zero, is_last_batch = True, False

    def __init__(self, logger: Logger | bool, callbacks: Sequence[Callback]) -> None:
        self.logger = logger if isinstance(logger, Logger) else None
        self.callbacks = callbacks
        self.global_step = self.current_epoch = 0
        self.estimated_stepping_batches = self.max_epochs = 1
        self.callback_metrics: dict[str, torch.Tensor] = {}

    def hear(self, word: Message) -> None:
        """Hand a word on to the logger and the callbacks; raises UserError where it is a failure."""
        if word["kind"] == FAILURE:
            raise UserError(word["message"])
        if word["kind"] == METRICS:
            if self.logger is not None:
                self.logger.log_metrics(word["metrics"], word["step"])
            return
        self.global_step, self.current_epoch = word["step"], word["epoch"]
        self.estimated_stepping_batches, self.max_epochs = word["steps"], word["epochs"]
        self.callback_metrics = {name: torch.tensor(value) for name, value in word["metrics"].items()}
        for callback in self.callbacks:
            self._call(callback, word["kind"])

    def close(self) -> None:
        if self.logger is not None:
            self.logger.finalize("success")

    def _call(self, callback: Any, kind: str) -> None:
        if kind == START:
            callback.on_train_start(self, None)
        elif kind == STEP:
            callback.on_train_batch_end(self, None, None, None, 0)
        elif kind == VALIDATED:
            callback.on_validation_end(self, None)
        elif kind == END:
            callback.on_train_end(self, None)
