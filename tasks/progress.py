"""Training as a bar on the run's page in Prefect."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import lightning.pytorch as pl
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import TaskRunContext
from prefect.exceptions import PrefectException

PAUSE = 2.0  # seconds between two words on progress


class Progress(pl.Callback):
    """Training as a bar on the page: the share of its steps, every few seconds."""

    def __init__(self) -> None:
        self._id: UUID | None = None
        self._said = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        if TaskRunContext.get():
            made = create_progress_artifact(
                progress=self._share(trainer), key="training", description="share of the training steps"
            )
            assert isinstance(made, UUID)
            self._id = made

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if self._id and time.monotonic() - self._said > PAUSE:
            self._say(self._id, self._share(trainer))

    def on_train_end(self, trainer: pl.Trainer, *_: Any) -> None:  # noqa: ARG002
        if self._id:
            self._say(self._id, 100.0)

    def _say(self, artifact: UUID, share: float) -> None:
        self._said = time.monotonic()
        try:
            update_progress_artifact(artifact, progress=share)
        except (PrefectException, OSError):  # a server that is away is no reason to stop training
            return

    def _share(self, trainer: pl.Trainer) -> float:
        return min(100.0, 100 * trainer.global_step / max(1, trainer.estimated_stepping_batches))
