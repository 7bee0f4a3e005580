"""A worker of Ray Train: the training code of one machine, whose checkpoints go to Ray's storage."""

# ruff: noqa: ARG002 - Lightning calls hooks with every argument

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import lightning.pytorch as pl
import torch
import torch.distributed as dist
from lightning.pytorch.callbacks import Callback, ModelCheckpoint

from infra.environment import adopt
from infra.ray.parcel import unpack
from infra.settings import Settings
from infra.weights import fetch
from models.distributed.checkpoints import AtomicCheckpoints
from models.distributed.job import Job
from models.distributed.messages import Message, failure
from models.distributed.placement import Placement, replicated_or_sharded
from models.distributed.resources import Resources
from models.distributed.sharding import Sharded
from models.domain.errors import UserError
from models.training.run import CHECKPOINTS, REPORT


def work(config: dict[str, Any]) -> None:
    """A worker's part, in a folder that the workers of one machine share; it has the same name on all machines."""
    import ray.train
    from ray.train.collective import broadcast_from_rank_zero

    settings, context = Settings(), ray.train.get_context()
    adopt(settings)
    job = Job.model_validate_json(config["job"])
    folder = Path(broadcast_from_rank_zero(tempfile.gettempdir())) / context.get_experiment_name()
    first = context.get_local_rank() == 0
    if first:
        _settle(folder, config["parcel"], ray.train.get_checkpoint())
    dist.barrier()
    reporting = _Reporting(
        folder, ours=first if job.resources.strategy == "fsdp" else context.get_world_rank() == 0
    )
    try:
        if not (folder / REPORT).exists():
            _train(settings, job, folder, reporting, lambda word: ray.get(config["course"].tell.remote(word)))
    except UserError as error:
        ray.get(config["course"].tell.remote(failure(error)))
        raise
    dist.barrier()
    if first:
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    reporting.report()
    dist.barrier()
    if first:
        shutil.rmtree(folder)


def _train(
    settings: Settings, job: Job, folder: Path, reporting: Callback, tell: Callable[[Message], None]
) -> None:
    weights = fetch(settings, job.preset.weights)
    own = {"folder": folder, "weights": weights and weights.folder}
    options = settings.options_for(job.snapshot_uri)
    here = job.model_copy(update={**own, "storage_options": options})
    resolve_name(job.run).rejoin(here, tell, _placement(job.resources), [reporting])


def _placement(resources: Resources) -> Placement:
    """Lightning's trainer in a worker of Ray Train, which has one device and knows the other workers."""
    import ray.train.torch
    from ray.train.lightning import RayDDPStrategy, RayLightningEnvironment

    class RaySharded(Sharded):
        @property
        def root_device(self) -> torch.device:
            device: torch.device = ray.train.torch.get_device()
            return device

    placed = replicated_or_sharded(resources, RayDDPStrategy, RaySharded)
    plugins = [RayLightningEnvironment(), *placed.pop("plugins", [])]
    return {
        **placed,
        "accelerator": "auto",
        "devices": 1,
        "use_distributed_sampler": False,
        "plugins": plugins,
    }


def _settle(folder: Path, parcel: bytes, checkpoint: Any) -> None:
    """What the job needs, and how far an earlier start came."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    unpack(parcel, folder)
    if checkpoint is not None:
        checkpoint.to_directory(folder)


class _Reporting(Callback):
    """Hands the folder to Ray's storage after each checkpoint; all workers report, those it is `ours` for hand over."""

    def __init__(self, folder: Path, *, ours: bool) -> None:
        self._folder, self._ours = folder, ours
        self._seen: tuple[int, ...] = ()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._seen = _saved(trainer)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self._seen != _saved(trainer):
            self._seen = _saved(trainer)
            if isinstance(trainer.strategy.checkpoint_io, AtomicCheckpoints):
                trainer.strategy.checkpoint_io.teardown()  # which waits for what is still being written
            self.report()

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The first, which makes the weights whole, needs the shards of all machines."""
        import ray.train

        context = ray.train.get_context()
        apart = context.get_local_world_size() < context.get_world_size()
        if apart and isinstance(trainer.strategy, Sharded):
            self.report()
            dist.barrier()
            if trainer.is_global_zero:
                ray.train.get_checkpoint().to_directory(self._folder)

    def report(self) -> None:
        import ray.train

        ray.train.report({}, ray.train.Checkpoint.from_directory(self._folder) if self._ours else None)


def _saved(trainer: pl.Trainer) -> tuple[int, ...]:
    """The steps of the last checkpoints."""
    return tuple(
        callback._last_global_step_saved  # noqa: SLF001
        for callback in trainer.checkpoint_callbacks
        if isinstance(callback, ModelCheckpoint)
    )
