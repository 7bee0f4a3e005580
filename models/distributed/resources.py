"""How a training runs: on how much, and by which seed. Said here once, for Prefect's forms, commands and settings.

None but the seed changes what is learned, so that no run is told apart by the rest.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Strategy = Literal["ddp", "fsdp"]


class Devices(BaseModel):
    """Devices that train together; one of this machine unless it says more."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    devices: int = Field(
        default=1,
        ge=1,
        description="devices of this machine to train on; processes that share its cores where it has no GPU",
    )
    strategy: Strategy = Field(
        default="ddp",
        description="whether each device holds the whole model (ddp) or a share of it (fsdp), for models that fit on "
        "none",
    )


class Hardware(Devices):
    """On how much to train, here or on a cluster."""

    workers: int = Field(
        default=0,
        ge=0,
        description="processes on a Ray cluster, that at RAY_ADDRESS or one of its own, in place of this machine's "
        "devices, one GPU each where it has any; 0 for none",
    )


class TrainingOptions(Hardware):
    """What is chosen for every training, whatever it trains."""

    seed: int = Field(
        default=0,
        ge=0,
        le=2**31 - 1,
        description="seed of splits, initial weights and batch order; a pre-training leaves out what the retraining of "
        "its seed tests on",
    )


class Resources(Hardware):
    """On how much a training runs, and how often it is started again."""

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
