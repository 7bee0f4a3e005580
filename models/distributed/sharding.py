"""Fully sharded training: each process holds a share of every weight, and of its gradient and its optimiser's state.

FSDP2 (torch.distributed.fsdp.fully_shard; Zhao et al. 2023, arXiv 2304.11277) through Lightning's strategy. A unit is
gathered when it is entered and dropped when it is left; the rest of the network is one unit of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import Tensor, nn
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.state_dict import (
    get_model_state_dict,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor

from models.process.atomic_write import BEFORE, put_in_place
from models.process.meta_device import shapes_alone
from models.process.ranks import Ranks

ENTRIES = (
    "deep",
    "halves",
    "moments",
    "written",
)  # methods beside `forward` by which a network or a layer is entered
META = "meta.pt"  # what Lightning keeps of a sharded checkpoint beside the shards
STATE = "state_dict"


def sharded_units(network: nn.Module) -> list[tuple[str, nn.Module]]:
    """The repeated layers of a network by name: members of a list or sequence that has others of their class.

    The rest is gathered as one.
    """
    return list(_units(network, ""))


def shard(network: nn.Module, mesh: DeviceMesh) -> None:
    """Replace the weights by this process's share of those of the first; scalars, of which there is no share, stay
    whole. The others may hold none yet, see `unfilled`.
    """
    found = [parameter.detach() for parameter in network.parameters()]
    scalars = {parameter for parameter in network.parameters() if not parameter.dim()}
    units = [*(unit for _, unit in sharded_units(network)), network]
    for unit in units:
        fully_shard(unit, mesh=mesh, reshard_after_forward=True, ignored_params=scalars)
    if any(parameter.is_meta for parameter in found):
        network.to_empty(device=mesh.device_type)
    else:
        network.to(mesh.device_type)
    for parameter, whole in zip(network.parameters(), found, strict=True):
        _told(parameter, whole)
    for buffer in network.buffers():
        dist.broadcast(buffer, 0)
    for unit in units:
        for entry in ENTRIES:
            if hasattr(unit, entry):
                register_fsdp_forward_method(unit, entry)


def unfilled() -> AbstractContextManager[object]:
    """In which a process builds a network that it will get its share of: only the first has it whole."""
    return nullcontext() if Ranks.here().rank == 0 else shapes_alone()


def is_sharded(network: nn.Module) -> bool:
    """Whether processes share its weights, and enter its layers together."""
    return any(isinstance(parameter, DTensor) for parameter in network.parameters())


def shards_and_wholes(group: list[nn.Parameter]) -> list[list[nn.Parameter]]:
    """Parameters that an optimiser can move together: shards, and what stays whole; none where there is none."""
    shards: list[nn.Parameter] = [parameter for parameter in group if isinstance(parameter, DTensor)]
    wholes = [parameter for parameter in group if not isinstance(parameter, DTensor)]
    return [alike for alike in (shards, wholes) if alike]


class Sharded(ModelParallelStrategy):
    """FSDP2 over all processes, on GPUs as on processors; a checkpoint is a folder with a file of each process.

    Machines that share no disk each have a folder of that name, with the files of their own processes.
    """

    def __init__(self, processes: int) -> None:
        super().__init__(data_parallel_size=processes, tensor_parallel_size=1)

    def save_checkpoint(
        self, checkpoint: dict[str, Any], filepath: Any, storage_options: Any | None = None
    ) -> None:
        """There in full or not at all, wherever a process is killed; see `found`."""
        whole, partial, first = Path(filepath), Path(f"{filepath}.partial"), self.local_rank == 0
        if first:
            shutil.rmtree(partial, ignore_errors=True)
        self.barrier()
        super().save_checkpoint(checkpoint, partial, storage_options)
        self.barrier()
        if first:
            put_in_place(partial, whole)
        self.barrier()

    def load_checkpoint(self, checkpoint_path: Any, weights_only: bool | None = None) -> dict[str, Any]:
        """Weights that were never used have no state of the optimiser: what is not there stays as it is."""
        path = Path(self.broadcast(checkpoint_path))
        if not path.is_dir():
            return super().load_checkpoint(path, weights_only)
        assert self.model is not None
        weights = {STATE: get_model_state_dict(self.model)}
        _load(weights, path)
        self.model.load_state_dict(weights[STATE])
        for place, optimizer in enumerate(self.optimizers):
            name = f"optimizer_{place}"
            state = {name: get_optimizer_state_dict(self.model, optimizer)}
            _load(state, path)
            set_optimizer_state_dict(self.model, optimizer, optim_state_dict=state[name])
        meta: dict[str, Any] = torch.load(path / META, weights_only=True, map_location="cpu")
        return meta


def _load(state: dict[str, Any], path: Path) -> None:
    """Fill the state from the shards, as far as they have it."""
    planner = DefaultLoadPlanner(allow_partial_load=True)
    load(state, storage_reader=FileSystemReader(path), planner=planner)


def found(path: Path) -> Path | None:
    """A checkpoint, sharded or not, also where a kill came between two; None for none."""
    before = path.with_name(path.name + BEFORE)
    return next((there for there in (path, before) if there.exists()), None)


def step_of(checkpoint: Path) -> int:
    """The step at which it was saved."""
    about = checkpoint / META if checkpoint.is_dir() else checkpoint
    return int(torch.load(about, weights_only=True, map_location="cpu")["global_step"])


def whole(path: Path) -> dict[str, Any]:
    """A checkpoint, sharded or not, with its tensors whole, read by this process alone; a sharded one without its
    optimisers.
    """
    checkpoint = found(path)
    assert checkpoint is not None
    if checkpoint.is_dir():
        return _consolidated(checkpoint)
    state: dict[str, Any] = torch.load(checkpoint, weights_only=True, map_location="cpu")
    return state


def _consolidated(path: Path) -> dict[str, Any]:
    from torch.distributed.checkpoint.default_planner import _EmptyStateDictLoadPlanner
    from torch.distributed.checkpoint.state_dict_loader import _load_state_dict

    state: dict[str, Any] = {}
    planner = _EmptyStateDictLoadPlanner(keys={STATE})
    _load_state_dict(state, storage_reader=FileSystemReader(path), planner=planner, no_dist=True)
    return {**torch.load(path / META, weights_only=True, map_location="cpu"), STATE: state[STATE]}


@torch.no_grad()
def _told(parameter: nn.Parameter, whole: Tensor) -> None:
    """The first process's values; of a scalar, the gradient too is to be the same in all."""
    values = torch.empty_like(whole, device=parameter.device) if whole.is_meta else whole.to(parameter.device)
    if isinstance(parameter, DTensor):
        shares = distribute_tensor(values, parameter.device_mesh, parameter.placements)
        parameter.to_local().copy_(shares.to_local())
        return
    dist.broadcast(values, 0)
    parameter.copy_(values)
    if parameter.requires_grad:
        parameter.register_post_accumulate_grad_hook(_shared)


def _shared(scalar: Tensor) -> None:
    """Its gradient becomes the mean over the processes, as those of shards do."""
    if scalar.grad is not None:
        dist.all_reduce(scalar.grad)
        scalar.grad /= dist.get_world_size()


def _units(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    members = list(module.named_children())
    repeated = isinstance(module, nn.ModuleList | nn.Sequential)
    for place, child in members:
        full = f"{name}.{place}" if name else place
        twins = sum(type(child) is type(other) for _, other in members)
        if repeated and twins > 1 and next(child.parameters(), None) is not None and any(child.children()):
            yield full, child
        else:
            yield from _units(child, full)
