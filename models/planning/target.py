"""The device that a plan is for: this machine's own, or another by its name."""

from __future__ import annotations

from typing import Self

import psutil
import torch
from pydantic import BaseModel, ConfigDict, Field

from models.domain.errors import UserError
from models.domain.nearest import choose
from models.training.peak_flops import NVIDIA, peak

GIGA = 1e9

# gigabytes of a device, from NVIDIA's data sheets
MEMORY = {
    "GB200": 186, "B200": 180, "H200 NVL": 141, "H200": 141, "H100 NVL": 94, "H100 PCIe": 80, "H100": 80,
    "A100": 80, "A30": 24, "A10G": 24, "A10": 24, "L40S": 48, "L40": 48, "L4": 24,
}  # fmt: skip


class UnknownDeviceError(UserError):
    """A device of which nothing is known."""


class Target(BaseModel):
    """One device."""

    model_config = ConfigDict(frozen=True)

    name: str
    peak_flops: float = Field(description="operations a second at most")
    memory_bytes: int = Field(description="what training may take of it")
    mixed: bool = Field(description="whether it computes in bfloat16")
    here: bool = Field(description="whether steps can be measured on it")
    processor: bool = Field(
        default=False, description="whether its memory is the processor's, to which checkpoints are copied"
    )

    @classmethod
    def this_machine(cls) -> Self:
        """A GPU where there is one, with the memory that is free now."""
        if torch.cuda.is_available():
            device = torch.device("cuda", torch.cuda.current_device())
            free, _ = torch.cuda.mem_get_info(device)
            name = torch.cuda.get_device_name(device)
            return cls(name=name, peak_flops=peak(device), memory_bytes=free, mixed=True, here=True)
        return cls(
            name=f"{torch.get_num_threads()} cores",
            peak_flops=peak(torch.device("cpu")),
            memory_bytes=psutil.virtual_memory().available,
            mixed=False,
            here=True,
            processor=True,
        )

    @classmethod
    def named(cls, name: str) -> Self:
        """A GPU by the name on its data sheet; raises UnknownDeviceError."""
        if name not in NVIDIA:
            raise UnknownDeviceError(f"no device called {name!r}; {choose(name, NVIDIA)}")
        return cls(
            name=name, peak_flops=NVIDIA[name], memory_bytes=int(MEMORY[name] * GIGA), mixed=True, here=False
        )
