"""Floating-point operations of a step that really runs, by torch's own formulas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class Operations(TorchDispatchMode):
    """Counts products and convolutions, forward and backward, in `total`.

    What activation checkpointing computes a second time is left out: the operations are the model's, and a device is
    not better used because it repeats itself (Chowdhery et al., 2022, arXiv 2204.02311, appendix B).
    """

    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(
        self, func: Any, types: Sequence[Any], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:  # fmt: skip
        found = func(*args, **(kwargs or {}))
        formula: Callable[..., int] | None = flop_registry.get(getattr(func, "overloadpacket", func))
        if formula is not None and not _again():
            self.total += formula(*args, **(kwargs or {}), out_val=found)
        return found


def _again() -> bool:
    """Whether this is a forward pass inside of a backward one, which alone records gradients there."""
    return torch._C._current_graph_task_id() != -1 and torch.is_grad_enabled()  # noqa: SLF001 - torch has no other
