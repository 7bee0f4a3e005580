"""Training as a bar on the run's page in Prefect, and as lines of its log."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import lightning.pytorch as pl
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import TaskRunContext
from prefect.exceptions import PrefectException

from models.domain.preset import Preset
from tasks.plumbing.story import lasted, say

PAUSE = 2.0  # seconds between two words on progress
LINE = 10.0  # per cent from one line of the log to the next
LINES_APART = 5.0  # seconds at least


class Progress(pl.Callback):
    """The share of the training's steps, every few seconds; and why there are more passes than a preset's epochs."""

    def __init__(self, given: str, preset: Preset) -> None:
        self._given, self._preset = given, preset
        self._id: UUID | None = None
        self._said = self._began = self._line = 0.0  # moments
        self._first = self._told = 0.0  # shares of the steps

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        if not TaskRunContext.get():
            return
        self._began = self._line = time.monotonic()
        self._first = self._told = self._share(trainer)  # of a run that goes on, not nought
        say(self.passes(int(trainer.max_epochs or 1), int(trainer.estimated_stepping_batches)))
        made = create_progress_artifact(
            progress=self._first, key="training", description="share of the training steps"
        )
        assert isinstance(made, UUID)
        self._id = made

    def passes(self, passes: int, steps: int) -> str:
        """How often the posts are passed over, and why that is more often than the preset's epochs say."""
        asked, least = self._preset.epochs, self._preset.minimum_steps
        told = f"{passes} passes of {steps // passes} steps at most"
        if passes <= asked:
            return told
        return (
            f"{told}: epochs={asked} alone would be {asked * steps // passes} steps, too few to learn from, so that "
            f"few posts are passed over again, up to minimum_steps={least}; "
            f"{self._given},minimum_steps=0 makes it {asked}"
        )

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if self._id and time.monotonic() - self._said > PAUSE:
            self._say(self._id, self._share(trainer))

    def on_train_end(self, trainer: pl.Trainer, *_: Any) -> None:  # noqa: ARG002
        if self._id:
            self._say(self._id, 100.0)

    def _say(self, artifact: UUID, share: float) -> None:
        self._said = now = time.monotonic()
        if self._told + LINE <= share < 100 and now - self._line > LINES_APART:  # noqa: PLR2004
            self._line, self._told = now, share
            left = (now - self._began) / (share - self._first) * (100 - share)
            say(f"{share:.0f} % of the steps, {lasted(left)} to go at most")
        try:
            update_progress_artifact(artifact, progress=share)
        except (PrefectException, OSError):  # a server that is away is no reason to stop training
            return

    def _share(self, trainer: pl.Trainer) -> float:
        return min(100.0, 100 * trainer.global_step / max(1, trainer.estimated_stepping_batches))
