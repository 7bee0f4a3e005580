"""Rows of all processes that train together, through which gradients flow back to each."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def everyones(rows: Tensor) -> tuple[Tensor, int]:
    """Rows [N, ...] of all processes, [sum of N, ...], and where among them this one's begin.

    Each process may have another N. Every process must call it, and every one must go back through it.
    """
    if not _together():
        return rows, 0
    sizes = _sizes(rows)
    return _Gathered.apply(rows, sizes), sum(sizes[: dist.get_rank()])


def shared_mean(losses: Tensor) -> Tensor:
    """Of losses [K], what its mean over all processes is the mean of all their losses; 0 where there are none.

    Strategies that train on several devices average gradients, so that the whole batch counts as on one.
    """
    if not _together():
        return losses.sum() / max(1, len(losses))
    return losses.sum() * dist.get_world_size() / max(1, sum(_sizes(losses)))


def least(rows: Tensor) -> int:
    """How many rows the process has that has fewest."""
    return min(_sizes(rows)) if _together() else len(rows)


def _together() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def _sizes(rows: Tensor) -> list[int]:
    own = torch.tensor([len(rows)], device=rows.device)
    found = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(found, own)
    return [int(size) for size in found]


class _Gathered(torch.autograd.Function):
    """The gradient of a process's rows is the sum of what all processes found for them."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, sizes: list[int]) -> Tensor:
        ctx.first, ctx.size = sum(sizes[: dist.get_rank()]), len(rows)
        padded = rows.new_zeros(max(sizes), *rows.shape[1:])
        padded[: len(rows)] = rows
        found = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(found, padded)
        return torch.cat([part[:size] for part, size in zip(found, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        whole = gradients[0].contiguous().clone()
        dist.all_reduce(whole)
        return whole[ctx.first : ctx.first + ctx.size], None
