"""Where this process stands among those that train together."""

from __future__ import annotations

from typing import NamedTuple, Self, TypeVar

import torch.distributed as dist

T = TypeVar("T")


class Ranks(NamedTuple):
    """The `rank`-th of `world` processes, from 0 on."""

    rank: int = 0
    world: int = 1

    @classmethod
    def here(cls) -> Self:
        """As torch's process group says; alone where there is none."""
        if dist.is_available() and dist.is_initialized():
            return cls(dist.get_rank(), dist.get_world_size())
        return cls()

    @property
    def alone(self) -> bool:
        return self.world == 1

    def gathered(self, parts: list[T]) -> list[T]:
        """The parts of all processes, rank after rank; tensors are on the processor."""
        if self.alone:
            return parts
        found: list[list[T]] = [[] for _ in range(self.world)]
        dist.all_gather_object(found, parts)
        return [part for of_rank in found for part in of_rank]
