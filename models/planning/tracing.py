"""One training step without its numbers: what it holds and computes, of networks that fit on no machine as well."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._guards import active_fake_mode
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorMode,
)
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

from models.data.loader import Batch
from models.domain.preset import Preset
from models.network.network import Network
from models.objectives import supervised
from models.process.meta_device import shapes_alone
from models.training.flops import Operations
from models.training.layers import made_lighter
from models.training.optimization import optimisation

UNIQUE = torch.ops.aten._unique2.default  # noqa: SLF001 - what torch.unique is made of
STEPS = 2  # the second one begins with the first one's gradients and the optimiser's state


class Shape(NamedTuple):
    """A batch: posts, tokens of its longest text, pictures, and posts with a video."""

    posts: int
    tokens: int
    pictures: int
    videos: int = 0

    def of(self, posts: int) -> Shape:
        """The share of it that so many posts are."""
        share = posts / self.posts
        return Shape(posts, self.tokens, -int(-self.pictures * share // 1), -int(-self.videos * share // 1))


class TracedStep(NamedTuple):
    """Bytes at the highest point of a step, all that it holds; operations forward and backward, of all its posts."""

    bytes: int
    flops: int


class Held(TorchDispatchMode):
    """Bytes of the tensors that are alive, and the most there were of them; a storage that is shared counts once.

    torch's own MemTracker refuses networks that use a module twice in a step. Without numbers, `distinct` is how many
    tokens of a batch are different: some networks look each up once.
    """

    def __init__(self, tensors: Iterable[Tensor], distinct: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes, self.peak, self._distinct = 0, 0, distinct
        self._known = WeakIdKeyDictionary()
        self._see(tensors)

    def __torch_dispatch__(
        self, func: Any, types: Sequence[Any], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:  # fmt: skip
        if func is UNIQUE and isinstance(args[0], FakeTensor):
            found = args[0].new_empty(self._distinct), torch.empty_like(args[0]), args[0].new_empty(0)
        else:
            found = func(*args, **(kwargs or {}))
        self._see(leaf for leaf in tree_leaves(found) if isinstance(leaf, Tensor))
        return found

    def _see(self, tensors: Iterable[Tensor]) -> None:
        for storage in (tensor.untyped_storage() for tensor in tensors):
            if storage not in self._known:
                self._known[storage] = True
                self.bytes += storage.nbytes()
                weakref.finalize(storage, self._gone, storage.nbytes())
        self.peak = max(self.peak, self.bytes)

    def _gone(self, size: int) -> None:
        self.bytes -= size


class Traced:
    """A network of which steps can be traced.

    Its weights are torch's fake tensors, which have shapes and no memory. Where a network's shapes depend on numbers,
    as on how many tokens of a batch are different, they become real; so is what a trace then takes. Packing, whose
    shapes depend on the texts, is left out: without it a step takes at least as much.
    """

    def __init__(
        self, preset: Preset, policies: int, pieces: Tensor, weights: Path | None, *, mixed: bool
    ) -> None:
        self.preset, self.policies, self.pieces, self.weights = preset, policies, pieces, weights
        self.mixed = mixed
        self.network, self._mode = self._made(ghost=True)

    def _made(self, *, ghost: bool) -> tuple[Network, AbstractContextManager[object]]:
        preset = self.preset.replace(packing=False)
        with shapes_alone() if ghost else nullcontext():
            network = Network(preset, self.policies, self.pieces, self.weights).train()
        made_lighter(network, preset.replace(compile=False))
        if not ghost:
            return network, nullcontext()
        mode = FakeTensorMode()
        with mode:
            _without_numbers(network)
        return network, mode

    @property
    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.network.parameters())

    @property
    def trainable(self) -> int:
        return sum(parameter.numel() for parameter in self.network.parameters() if parameter.requires_grad)

    @property
    def weight_bytes(self) -> int:
        """Of weights and buffers."""
        return sum(_bytes(tensor) for tensor in {*self.network.parameters(), *self.network.buffers()})

    @property
    def trainable_bytes(self) -> int:
        return sum(_bytes(tensor) for tensor in self.network.parameters() if tensor.requires_grad)

    def step(self, shape: Shape, ids: Tensor) -> TracedStep:
        """Trace a step on a batch of this shape, as Lightning does it: gradients live until the next backward pass.

        `ids`, tokens that texts are made of.
        """
        try:
            return self._step(shape, ids)
        except (DataDependentOutputException, DynamicOutputShapeException):
            self.network, self._mode = self._made(ghost=False)
            return self._step(shape, ids)

    def _step(self, shape: Shape, ids: Tensor) -> TracedStep:
        distinct = len(_taken(ids, shape.posts * shape.tokens).unique())
        with self._mode, _quietly():
            optimizer = optimisation(self.network.groups(self.preset.encoder_rate), self.preset, 1)[
                "optimizer"
            ]
            objective, operations = supervised(self.preset.objective), Operations()
            assert isinstance(optimizer, torch.optim.Optimizer)
            with Held([*self.network.parameters(), *self.network.buffers()], distinct) as held:
                for _ in range(STEPS):
                    batch = made_up(shape, self.preset, self.policies, ids)
                    with operations:
                        with torch.autocast("cpu", torch.bfloat16, enabled=self.mixed):
                            logits = self.network.deep(**batch.inputs)
                            loss = objective(logits, batch.targets, batch.weights, batch.total)
                        optimizer.zero_grad()
                        loss.backward()
                    optimizer.step()
            optimizer.zero_grad()
        return TracedStep(held.peak, operations.total // STEPS)


def made_up(shape: Shape, preset: Preset, policies: int, ids: Tensor) -> Batch:
    """A batch of this shape; texts of these tokens fill it, and the first posts have the pictures and the videos."""
    seen = shape.pictures + shape.videos * preset.frames
    places = torch.arange(shape.posts)
    frames = torch.arange(shape.posts * preset.frames).view(shape.posts, preset.frames) + shape.pictures
    there = (places < shape.videos)[:, None]
    return Batch(
        input_ids=_taken(ids, shape.posts * shape.tokens).view(shape.posts, shape.tokens),
        attention_mask=torch.ones(shape.posts, shape.tokens, dtype=torch.long),
        pixels=torch.zeros(seen, 3, preset.image_size, preset.image_size),
        image_index=torch.where(places < shape.pictures, places, -1),
        frame_index=torch.where(there, frames, -1),
        text_embedding=torch.zeros(shape.posts, 0),
        picture_embedding=torch.zeros(shape.posts, 0),
        targets=torch.zeros(shape.posts, policies),
        weights=torch.ones(shape.posts, policies),
        total=torch.tensor(float(shape.posts * policies)),
    )


def _taken(ids: Tensor, count: int) -> Tensor:
    """So many of them, from the first on and again."""
    if active_fake_mode() is not None:
        return torch.ones(count, dtype=torch.long)
    return ids.repeat(-(-count // len(ids)))[:count]


def _without_numbers(network: nn.Module) -> None:
    """Put a fake tensor on the processor in the place of each; what was shared stays shared."""
    made: dict[Tensor, Tensor] = {}
    for module in network.modules():
        for tensors in (module._parameters, module._buffers):  # noqa: SLF001 - torch has no other that keeps sharing
            for name, tensor in tensors.items():
                if tensor is not None:
                    if tensor not in made:
                        made[tensor] = _fake(tensor)
                    tensors[name] = made[tensor]  # type: ignore[assignment]


def _fake(tensor: Tensor) -> Tensor:
    fake = torch.empty(tensor.shape, dtype=tensor.dtype)
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(fake, requires_grad=tensor.requires_grad)
    return fake


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


@contextmanager
def _quietly() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about kernels that a trace never runs
        yield
