"""Resources: on how much a training runs. None of it changes what is learned, so that no run is told apart by it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Strategy = Literal["ddp", "fsdp"]


class Resources(BaseModel):
    """One device of this machine, unless it says more."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    devices: int = Field(
        default=1, ge=1, description="GPUs to train on; processes that share the cores where there is no GPU"
    )
    strategy: Strategy = Field(
        default="ddp",
        description="ddp holds the whole model on each device; fsdp a share of it, for models that fit on none",
    )
    workers: int = Field(
        default=0,
        ge=0,
        description="processes on a Ray cluster, one GPU each where it has any, in place of this machine's devices",
    )
    restarts: int = Field(
        default=3,
        ge=0,
        description="times that training goes on from its last checkpoint after a worker died",
    )

    @property
    def elsewhere(self) -> bool:
        """Whether training runs in processes of its own."""
        return self.devices > 1 or self.workers > 0 or self.strategy != "ddp"

    @property
    def processes(self) -> int:
        """How many train together."""
        return self.workers or self.devices
