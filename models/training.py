"""Training: from a snapshot to a folder that holds the exported model; a run that was killed goes on."""

from __future__ import annotations

import json
import logging
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.seed import isolate_rng
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.callbacks import BEST, LAST, AtomicCheckpoints, Interrupt, Pace, house_callbacks
from models.classifier import Classifier
from models.data import SnapshotData, SplitBatches
from models.errors import UserError
from models.network import Network
from models.preparation import Preparation, prepare
from models.preset import Preset, preset_named
from models.serving.export import export
from models.snapshot import SnapshotRows

MODEL_FOLDER, REPORT, PLAN = "model", "report.json", "plan.json"
COMPARED = 4  # batches of posts that the export is compared with torch on


class FolderTakenError(UserError):
    """A folder that holds another training run."""


class TrainingReport(BaseModel):
    """What a finished run came to."""

    model_config = ConfigDict(frozen=True)

    model: Path = Field(description="folder of the exported model")
    metrics: dict[str, float] = Field(description="validation metrics of the weights that were exported")
    steps: int
    epochs: int
    resumed_at: int = Field(description="step of the checkpoint that this run went on from; 0 for none")
    seconds: float = Field(description="of this process, all included")
    items_per_second: float = Field(description="posts trained on in a second, validation left out")


def fit(
    snapshot_uri: str,
    *,
    preset: str,
    seed: int,
    folder: Path,
    storage_options: dict[str, str] | None = None,
    threads: int = 0,
    logger: Logger | bool = False,
    callbacks: Sequence[Callback] = (),
    **overrides: Any,
) -> TrainingReport:
    """Train `preset` with `overrides` on a snapshot and leave the exported model in `folder`/model.

    Run again with the same folder after a kill, it goes on from the last checkpoint and ends with the same
    weights; a finished run returns its report. Raises UserError for a preset, override, snapshot or folder that
    cannot be.
    """
    start = time.perf_counter()
    chosen = preset_named(preset, **overrides)
    rows = SnapshotRows.open(snapshot_uri, storage_options)
    _claim(folder, {"snapshot": rows.id, "preset": chosen.model_dump(mode="json"), "seed": seed})
    if (folder / REPORT).exists() and (folder / MODEL_FOLDER).exists():
        return TrainingReport.model_validate_json((folder / REPORT).read_text())
    with _torch_threads(threads), _without_chatter(), isolate_rng():
        run = Run(rows, chosen, seed, folder)
        report = run.finish(*run.train(logger, callbacks), start)
    _write(folder / REPORT, report.model_dump_json(indent=1))
    return report


class Run:
    """One training run in its folder."""

    def __init__(self, rows: SnapshotRows, preset: Preset, seed: int, folder: Path) -> None:
        self.rows, self.preset, self.seed, self.folder = rows, preset, seed, folder
        self.checkpoints = folder / "checkpoints"
        self.preparation: Preparation = prepare(rows, preset, folder)

    def train(self, logger: Logger | bool, callbacks: Sequence[Callback]) -> tuple[pl.Trainer, int]:
        """The trainer after its run, and the step that the run went on from."""
        pl.seed_everything(self.seed, verbose=False)
        data = SnapshotData(self.rows, self.preparation.tokenizer, self.preset, self.seed)
        epochs = max(self.preset.epochs, -(-self.preset.minimum_steps // len(data.train)))
        classifier = self._classifier(epochs * len(data.train))
        interrupt = Interrupt()
        trainer = self._trainer(epochs, logger, [interrupt, *callbacks])
        last = self.checkpoints / f"{LAST}.ckpt"
        resumed_at = torch.load(last, weights_only=True)["global_step"] if last.exists() else 0
        with interrupt.heeded():
            trainer.fit(
                classifier, datamodule=data, ckpt_path=last if last.exists() else None, weights_only=True
            )
        return trainer, resumed_at

    def finish(self, trainer: pl.Trainer, resumed_at: int, start: float) -> TrainingReport:
        """Export the best weights and say what the run came to."""
        best = torch.load(self.checkpoints / f"{BEST}.ckpt", weights_only=True, map_location="cpu")
        network = self._network()
        network.load_state_dict(_of_network(best["state_dict"]))
        tokenizer, policies = self.preparation.tokenizer, self.rows.policies
        export(self.folder / MODEL_FOLDER, network, tokenizer, self.preset, policies, self._real_batches())
        pace = next(callback for callback in trainer.callbacks if isinstance(callback, Pace))  # type: ignore[attr-defined]
        return TrainingReport(
            model=self.folder / MODEL_FOLDER,
            metrics=best["metrics"],
            steps=trainer.global_step,
            epochs=trainer.current_epoch,
            resumed_at=resumed_at,
            seconds=time.perf_counter() - start,
            items_per_second=pace.items_per_second,
        )

    def _real_batches(self) -> Iterator[dict[str, NDArray[np.generic]]]:
        """Some of the validation split, as the network takes it."""
        batches = SplitBatches(self.rows, "validation", self.preparation.tokenizer, self.preset, self.seed)
        for batch in islice(batches, COMPARED):
            yield {name: tensor.numpy() for name, tensor in batch.inputs.items()}

    def _network(self) -> Network:
        return self.preparation.network(self.preset, len(self.rows.policies))

    def _classifier(self, steps: int) -> Classifier:
        return Classifier(self._network(), self.preset, self.rows.policies, steps, self.seed)

    def _trainer(self, epochs: int, logger: Logger | bool, callbacks: Sequence[Callback]) -> pl.Trainer:
        own = house_callbacks(self.preset, self.checkpoints, epochs)
        return pl.Trainer(
            accelerator="auto",
            devices=1,
            precision="bf16-mixed" if torch.cuda.is_available() else "32-true",
            max_epochs=epochs,
            logger=logger,
            callbacks=[*own, *callbacks],
            plugins=[AtomicCheckpoints()],
            num_sanity_val_steps=0,
            enable_model_summary=False,
            enable_progress_bar=any(type(callback).__name__.endswith("ProgressBar") for callback in own),
            default_root_dir=self.folder,
            log_every_n_steps=10,
        )


def _of_network(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    prefix = "network."
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _claim(folder: Path, plan: dict[str, Any]) -> None:
    """Mark an empty folder as this run's; raises FolderTakenError where it is another's."""
    folder.mkdir(parents=True, exist_ok=True)
    path, text = folder / PLAN, json.dumps(plan, indent=1, sort_keys=True)
    if path.exists() and path.read_text() != text:
        raise FolderTakenError(
            f"{folder} holds a run with another snapshot, preset or seed; choose another folder"
        )
    _write(path, text)


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)


@contextmanager
def _torch_threads(threads: int) -> Iterator[None]:
    """Run with so many threads; 0 takes all cores but one, which reads and decodes the next batches.

    Torch's threads wait for each other in a busy loop: with one more than there are free cores, training is
    several times slower than with one less.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads or max(1, before - 1))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Lightning describes the machine on standard error at level INFO; a user sees our progress instead."""
    log = logging.getLogger("lightning.pytorch")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            # Lightning on a newer torch; nothing that a user can mend
            warnings.filterwarnings("ignore", message=".*treespec, LeafSpec", category=FutureWarning)
            yield
    finally:
        log.setLevel(level)
