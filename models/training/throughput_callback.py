"""Measures a training run while it runs."""

# ruff: noqa: ARG002 - Lightning calls hooks with every argument

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.profilers import Profiler
from torch import Tensor

from models.training.flops import Operations
from models.training.peak_flops import peak
from models.training.peak_memory import counted_anew, highest
from models.training.training_cost import Measurement

FETCH = "train_dataloader_next"  # what Lightning calls waiting for the next batch
SAVE = ("[Callback]LastCheckpoint", ".on_train_batch_end")  # how the name of saving one begins and ends


class Aside(Profiler):
    """Lightning's profiler, of which only the seconds of waiting for data and of saving checkpoints are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.waited, self.saved = 0.0, 0.0
        self._since = 0.0

    def start(self, action_name: str) -> None:
        if _kept(action_name):
            self._since = time.perf_counter()

    def stop(self, action_name: str) -> None:
        if not _kept(action_name):
            return
        seconds = time.perf_counter() - self._since
        if action_name.endswith(FETCH):
            self.waited += seconds
        else:
            self.saved += seconds


def _kept(action_name: str) -> bool:
    begins, ends = SAVE
    return action_name.endswith(FETCH) or (action_name.startswith(begins) and action_name.endswith(ends))


class ThroughputTally:
    """Some steps together."""

    def __init__(self) -> None:
        self.items, self.seconds, self.waited = 0, 0.0, 0.0
        self.tokens: int | Tensor = 0  # stays on the device: asking for it would stop the device each step

    def add(self, items: int, tokens: Tensor, seconds: float, waited: float) -> None:
        self.items, self.tokens = self.items + items, self.tokens + tokens
        self.seconds, self.waited = self.seconds + seconds, self.waited + waited


class Measuring(Callback):
    """Measures a run whose batches have image_index [N] and attention_mask [N, T].

    Saving checkpoints is left out of the rates: how often is for the preset to say, and a large one takes as long as a
    hundred batches. So are batches 1, 2, 4, 8 and so on, on which operations are counted, which takes time.
    """

    def __init__(self) -> None:
        self.aside = Aside()
        self.all, self.counted, self.plain = ThroughputTally(), ThroughputTally(), ThroughputTally()
        self._operations, self._counting = Operations(), ExitStack()
        self._batches, self._start, self._before, self._peak = 0, 0.0, 0, 0.0
        self._since, self._waited, self._saved = 0.0, 0.0, 0.0
        self.final = Measurement()  # once the run has ended

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        device = pl_module.device
        self._peak, self._before = peak(device), counted_anew(device)
        self._start = time.perf_counter()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._from_here(time.perf_counter())

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._batches += 1
        if self._is_counted:
            self._counting.enter_context(
                torch.compiler.set_stance("force_eager")
            )  # a compiled graph hides them
            self._counting.enter_context(self._operations)

    def on_after_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._counting.close()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        self._counting.close()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        self._counting.close()
        items, tokens = len(batch.image_index), batch.attention_mask.sum()
        now = time.perf_counter()
        seconds = now - self._since - (self.aside.saved - self._saved)
        for tally in (self.all, self.counted if self._is_counted else self.plain):
            tally.add(items, tokens, seconds, self.aside.waited - self._waited)
        self._from_here(now)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.logger is not None and self.all.items:
            trainer.logger.log_metrics(self.measurement(trainer).metrics, trainer.global_step)
        self.on_train_epoch_start(trainer, pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.final = self.measurement(trainer)

    def measurement(self, trainer: pl.Trainer) -> Measurement:
        """What the run has come to so far."""
        if not self.all.items:
            return Measurement()
        steady, devices = self.plain if self.plain.items else self.all, trainer.world_size
        rate = steady.items / steady.seconds
        each = self._operations.total / self.counted.items
        return Measurement(
            items=self.all.items * devices,
            items_per_second=rate * devices,
            tokens_per_second=float(steady.tokens) / steady.seconds * devices,
            flops_per_item=each,
            peak_flops=self._peak,
            model_flops_utilisation=each * rate / self._peak,
            memory_before_bytes=self._before,
            # a kernel counts pages a few at a time, and may have begun anew a little below
            memory_peak_bytes=max(self._before, highest(trainer.strategy.root_device)),
            data_wait_share=steady.waited / steady.seconds,
            devices=devices,
            device_seconds=(time.perf_counter() - self._start) * devices,
        )

    def _from_here(self, now: float) -> None:
        self._since, self._waited, self._saved = now, self.aside.waited, self.aside.saved

    @property
    def _is_counted(self) -> bool:
        return self._batches & (self._batches - 1) == 0
