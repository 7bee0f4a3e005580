"""How Lightning's trainer is told on what it runs."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch.strategies import DDPStrategy
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from models.distributed.checkpoints import AtomicCheckpoints
from models.distributed.resources import Resources
from models.distributed.sharding import Sharded
from models.domain.errors import UserError
from models.process.ranks import Ranks

Placement = dict[str, Any]
"""Arguments of Lightning's Trainer."""


class TooFewDevicesError(UserError):
    """More devices are asked for than this machine has."""


def placement(resources: Resources) -> Placement:
    """For one of the processes that train together on this machine; each has a device."""
    devices = {"accelerator": "auto", "devices": resources.devices, "use_distributed_sampler": False}
    if not resources.elsewhere:
        return {**devices, "plugins": [AtomicCheckpoints()]}
    return {**devices, **replicated_or_sharded(resources)}


def replicated_or_sharded(
    resources: Resources, replicated: type[DDPStrategy] = DDPStrategy, sharded: type[Sharded] = Sharded
) -> Placement:
    """Strategy and what belongs to it, for processes that know each other.

    Weights that no process used, as an encoder of pictures where there were none, stay as they are.
    """
    if resources.strategy == "fsdp":
        # shards that were gathered in inference mode cannot be trained on
        return {"strategy": sharded(Ranks.here().world), "inference_mode": False}
    strategy = replicated(find_unused_parameters=True, gradient_as_bucket_view=True)
    return {"strategy": strategy, "plugins": [AtomicCheckpoints()]}


def keep_constants(module: nn.Module) -> None:
    """Have DDP leave alone what no step changes, as tables of n-grams: it would send every buffer before each step.

    Only the statistics of batches are kept alike by that; a queue is filled by all with the same.
    """
    constant = [
        f"{place}.{name}" if place else name
        for place, part in module.named_modules()
        if not isinstance(part, nn.modules.batchnorm._NormBase)  # noqa: SLF001 - of all dimensions
        for name, _ in part.named_buffers(recurse=False)
    ]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(module, constant)  # noqa: SLF001 - the only way


def check(resources: Resources) -> None:
    """Raises TooFewDevicesError; without GPUs, any number of processes share the cores."""
    found = torch.cuda.device_count()
    if not resources.workers and 0 < found < resources.devices:
        raise TooFewDevicesError(
            f"{resources.devices} devices are asked for and this machine has {found}; "
            f"choose --devices {found} or fewer, or --workers on a Ray cluster"
        )
