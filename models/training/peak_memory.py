"""How much memory a device gave out at most: what torch allocated on a GPU, else what is resident of this process."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path

import torch

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESTART = "5"  # to the kernel: the highest resident memory is counted anew
KILO = 1024


def counted_anew(device: torch.device) -> int:
    """Bytes in use now; the highest is from now on counted anew where that can be."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    with suppress(OSError):
        CLEAR.write_text(RESTART)
    return highest(device)


def highest(device: torch.device) -> int:
    """The most bytes that were in use at a time."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if STATUS.exists():
        found = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(found.split()[1]) * KILO
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * KILO
