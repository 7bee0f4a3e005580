"""One training run in its folder, whatever is trained: claimed, resumed, interrupted, its best weights kept."""

from __future__ import annotations

import json
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.seed import isolate_rng
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tokenizers import Tokenizer
from torch import nn

from models.data.loader import ALONE, NO_EMBEDDINGS, SnapshotData, SplitBatches
from models.data.snapshot import SnapshotRows
from models.data.words import Words
from models.distributed.job import Job
from models.distributed.messages import Message
from models.distributed.placement import Placement, check, keep_constants, placement
from models.distributed.progress_relay import ProgressRelay, Telling, TellingLogger
from models.distributed.resources import Resources
from models.distributed.sharding import Sharded, found, step_of, unfilled, whole
from models.domain.errors import UserError
from models.domain.preprocessing import PREPROCESSING
from models.domain.preset import Preset
from models.process.atomic_write import write_text
from models.process.malloc import keep_freed
from models.process.ranks import Ranks
from models.training.callbacks import BEST, LAST, Interrupt, house_callbacks
from models.training.ema import averaged
from models.training.layers import made_lighter, precision
from models.training.learner import Learner
from models.training.presets import PRESETS
from models.training.throughput_callback import Measuring
from models.training.training_cost import Measurement

PLAN, CHECKPOINTS, REPORT = "plan.json", "checkpoints", "report.json"
Launcher = Callable[[Job, Callable[[Message], None]], None]
"""Runs a job's processes to their end, and hands on what the first one tells; stops them where hearing raises."""


class FolderTakenError(UserError):
    """A folder that holds another training run."""


class StrategyError(UserError):
    """A checkpoint that another strategy left."""


class RunReport(BaseModel):
    """What a finished run came to; a kind of run adds the folder that it `made`."""

    model_config = ConfigDict(frozen=True)

    metrics: dict[str, float] = Field(description="validation metrics of the weights that were kept")
    steps: int
    epochs: int
    resumed_at: int = Field(description="step of the checkpoint that this run went on from; 0 for none")
    seconds: float = Field(description="of the process that kept the weights, all included")
    measured: Measurement = Field(default=Measurement(), description="what training cost on this machine")

    @property
    def items_per_second(self) -> float:
        """Posts trained on in a second, validation left out."""
        return self.measured.items_per_second


R = TypeVar("R", bound=RunReport)


class TrainingRun(Generic[R]):
    """A kind of run says what its `module` is, which Lightning trains for so many steps, and what it keeps of it.

    `placed` says on what it runs, one device where that is nothing; of several processes, each has a run of its own
    in the same folder.
    """

    made: ClassVar[str]
    """The folder that it leaves, and the field of its report that holds it."""
    reports: type[R]
    placed: Placement | None = None
    words: Words | None = None
    """That training has met, where disguised ones are read as those."""
    embeddings: Mapping[str, Mapping[str, NDArray[np.floating]]] = {}
    """What frozen encoders make of a split's posts [K, F], by the split and the input's name, where a run has such."""

    def __init__(self, rows: SnapshotRows, job: Job) -> None:
        self.rows, self.job = rows, job
        self.preset, self.seed, self.folder = job.preset, job.seed, job.folder
        self.checkpoints = self.folder / CHECKPOINTS
        self.tokenizer = self.prepared()

    def prepared(self) -> Tokenizer:
        """Learn what is learned before training, or find it in the folder."""
        raise NotImplementedError

    def module(self, steps: int) -> Learner:
        raise NotImplementedError

    def batches(self, split: str, ranks: Ranks = ALONE) -> SplitBatches:
        """A split, as the network takes it."""
        return SplitBatches(
            self.rows, split, self.tokenizer, self.preset, self.seed, ranks,
            embeddings=self.embeddings.get(split, NO_EMBEDDINGS), words=self.words,
        )  # fmt: skip

    def keep(self, folder: Path, trained: int) -> dict[str, float]:
        """Leave the best weights of so many steps in `folder`; their validation metrics."""
        raise NotImplementedError

    @classmethod
    def carry_out(
        cls, job: Job, launcher: Launcher, logger: Logger | bool, callbacks: Sequence[Callback]
    ) -> None:
        """Train in this process, or wait for those that `launcher` starts; nothing where the folder's run is done.

        Raises UserError for a snapshot, folder or resources that cannot be.
        """
        start, rows = time.perf_counter(), SnapshotRows.open(job.snapshot_uri, job.storage_options)
        check(job.resources)
        job = as_begun(job)
        preset = job.preset.model_dump(mode="json")
        asked = {"snapshot": rows.id, "preset": preset, "seed": job.seed, "preprocessing": PREPROCESSING}
        claim(job.folder, asked | job.more)
        if (job.folder / REPORT).exists() and (job.folder / cls.made).exists():
            return
        job = job.model_copy(update={"threads": shared_out(job.threads, job.resources)})
        if job.resources.elsewhere:
            cls(rows, job)  # learned once, before others look for it
            course = ProgressRelay(logger, callbacks)
            started = {"folder": job.folder.absolute(), "run": f"{cls.__module__}:{cls.__qualname__}"}
            launcher(job.model_copy(update=started), course.hear)
            course.close()
            return
        with torch_threads(job.threads), without_chatter(), isolate_rng():
            run = cls(rows, job)
            run.end(*run.train(logger, callbacks), start)

    @classmethod
    def rejoin(
        cls,
        job: Job,
        tell: Callable[[Message], None],
        placed: Placement | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        """One process's part of a job whose folder is claimed and prepared; the first keeps what is made."""
        start, rows = time.perf_counter(), SnapshotRows.open(job.snapshot_uri, job.storage_options)
        with torch_threads(job.threads), without_chatter():
            run = cls(rows, job)
            run.placed = placed or placement(job.resources)
            trainer, resumed_at = run.train(TellingLogger(tell), [Telling(tell), *callbacks])
            if trainer.is_global_zero:
                run.end(trainer, resumed_at, start)

    @classmethod
    def report(cls, folder: Path) -> R:
        """Of the run that is done in `folder`."""
        found = cls.reports.model_validate_json((folder / REPORT).read_text())
        return found.model_copy(update={cls.made: folder / cls.made})  # another machine has another folder

    def train(self, logger: Logger | bool, callbacks: Sequence[Callback]) -> tuple[pl.Trainer, int]:
        """The trainer after its run, and the step that the run went on from."""
        pl.seed_everything(self.seed, verbose=False)
        data = SnapshotData(*(self.batches(split, Ranks.here()) for split in ("train", "validation")))
        epochs = max(self.preset.epochs, -(-self.preset.minimum_steps // data.train.steps))
        with unfilled() if self.job.resources.strategy == "fsdp" else nullcontext():
            module = self.module(epochs * data.train.steps)
        made_lighter(module.network, self.preset)
        keep_constants(module)
        interrupt = Interrupt()
        trainer = self._trainer(epochs, len(data.train), logger, [interrupt, *callbacks])
        last = found(self.checkpoints / f"{LAST}.ckpt")
        if last and last.is_dir() and not isinstance(trainer.strategy, Sharded):
            raise StrategyError(f"{last} is in shards; go on with strategy fsdp, or begin in another folder")
        resumed_at = step_of(last) if last else 0
        with interrupt.heeded():
            trainer.fit(module, datamodule=data, ckpt_path=last, weights_only=True)
        return trainer, resumed_at

    def restore(self, network: nn.Module) -> dict[str, float]:
        """Give a network the averaged weights of the best validation; its metrics."""
        best = whole(self.checkpoints / f"{BEST}.ckpt")
        network.load_state_dict(averaged(best["state_dict"], network))
        metrics: dict[str, float] = best["metrics"]
        return metrics

    def end(self, trainer: pl.Trainer, resumed_at: int, start: float) -> None:
        """Keep what was trained since `start`, and report; an attempt keeps nothing."""
        if self.job.attempt:
            return
        made = self.folder / self.made
        report = self.reports(
            **{self.made: made},
            metrics=self.keep(made, trainer.global_step),
            steps=trainer.global_step,
            epochs=trainer.current_epoch,
            resumed_at=resumed_at,
            seconds=time.perf_counter() - start,
            measured=measured(trainer),
        )
        write_text(self.folder / REPORT, report.model_dump_json(indent=1))

    def _trainer(
        self, epochs: int, batches: int, logger: Logger | bool, callbacks: Sequence[Callback]
    ) -> pl.Trainer:
        measuring, own = Measuring(), house_callbacks(self.preset, self.checkpoints, epochs)
        return pl.Trainer(
            **(self.placed or placement(Resources())),
            precision=precision(self.preset),
            accumulate_grad_batches=self.preset.accumulate,
            max_epochs=epochs,
            logger=logger,
            callbacks=[measuring, *own, *callbacks],
            profiler=measuring.aside,
            num_sanity_val_steps=0,
            enable_model_summary=False,
            enable_progress_bar=any(type(callback).__name__.endswith("ProgressBar") for callback in own),
            default_root_dir=self.folder,
            log_every_n_steps=min(10, batches),
        )


def shared_out(threads: int, resources: Resources) -> int:
    """Threads of each process; where none are given, each leaves one of its cores to what reads its batches.

    A worker of a cluster has as many as are given, else one.
    """
    if resources.workers:
        return max(1, threads)
    free = torch.get_num_threads() // resources.devices - 1
    return max(1, threads // resources.devices if threads else free)


def measured(trainer: pl.Trainer) -> Measurement:
    """What a finished trainer's run cost."""
    return next(
        callback.final
        for callback in trainer.callbacks  # type: ignore[attr-defined]
        if isinstance(callback, Measuring)
    )


def as_begun(job: Job) -> Job:
    """A job whose folder a former release began goes on as that: what its presets had no word for, it did not do.

    What somebody asks for that the named preset does not have is another run, as ever.
    """
    path = job.folder / PLAN
    began = json.loads(path.read_text()).get("preset") if path.exists() else None
    if not isinstance(began, dict) or job.preset.name not in PRESETS:
        return job
    named = PRESETS[job.preset.name]
    unsaid = {
        name: field.default
        for name, field in Preset.model_fields.items()
        if name not in began and getattr(job.preset, name) == getattr(named, name)
    }
    return job.model_copy(update={"preset": job.preset.replace(**unsaid)})


def claim(folder: Path, plan: dict[str, Any]) -> None:
    """Mark an empty folder as this run's; raises FolderTakenError where it is another's."""
    folder.mkdir(parents=True, exist_ok=True)
    path, text = folder / PLAN, json.dumps(plan, indent=1, sort_keys=True)
    if path.exists() and _as_today(json.loads(path.read_text())) != json.loads(text):
        raise FolderTakenError(
            f"{folder} holds a run on other data, or with another preset, objective, seed or release of the product; "
            "choose another folder"
        )
    write_text(path, text)


def _as_today(plan: dict[str, Any]) -> dict[str, Any]:
    """A plan with today's fields: what a former release's presets had no word for is as where nobody says."""
    try:
        return plan | {"preset": Preset.model_validate(plan["preset"]).model_dump(mode="json")}
    except (KeyError, ValidationError):  # today's presets cannot say what that one did
        return plan


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Run with so many threads; 0 takes all cores but one, which reads and decodes the next batches.

    Torch's threads wait for each other in a busy loop: with one more than there are free cores, training is
    several times slower than with one less.
    """
    keep_freed()
    before = torch.get_num_threads()
    torch.set_num_threads(threads or max(1, before - 1))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def without_chatter() -> Iterator[None]:
    """Lightning describes the machine on standard error at level INFO; a user sees our progress instead."""
    log = logging.getLogger("lightning.pytorch")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            # Lightning on a newer torch; nothing that a user can mend
            warnings.filterwarnings("ignore", message=".*treespec, LeafSpec", category=FutureWarning)
            # torch's compiler looks at tensors that a user never touches
            warnings.filterwarnings("ignore", message="The .grad attribute of a Tensor", category=UserWarning)
            # a slow copy and encoders of which nothing is trained are meant to be
            warnings.filterwarnings("ignore", message=r"Found \d+ module\(s\) in eval mode")
            # that of a run that goes on never is
            warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
            # every process logs the same, made of what all have found
            warnings.filterwarnings("ignore", message="It is recommended to use `self.log.*sync_dist")
            yield
    finally:
        log.setLevel(level)
