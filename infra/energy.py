"""What work costs: seconds, and joules where the machine counts them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")  # Intel's and AMD's running average power limit, in microjoules
MICRO, MILLI = 1e-6, 1e-3
HOUR = 3600.0


def counters() -> Mapping[str, float]:
    """Joules that each processor package and GPU has used so far; empty where nothing counts or may be read."""
    return _packages() | _gpus()


@contextmanager
def metered() -> Iterator[dict[str, float]]:
    """What the block cost: cost_seconds, cost_joules and cost_gpu_hours, the last two where known."""
    cost: dict[str, float] = {}
    before, start = counters(), time.perf_counter()
    try:
        yield cost
    finally:
        seconds, after = time.perf_counter() - start, counters()
        cost["cost_seconds"] = seconds
        # a package's counter starts anew now and then: such a stretch is left out
        used = [after[name] - before[name] for name in before if after.get(name, -1.0) >= before[name]]
        if used:
            cost["cost_joules"] = sum(used)
        if gpus := sum(name.startswith("gpu") for name in after):
            cost["cost_gpu_hours"] = gpus * seconds / HOUR


def _packages() -> dict[str, float]:
    found = {}
    for file in sorted(POWERCAP.glob("*-rapl:[0-9]*/energy_uj")):
        if file.parent.name.count(":") == 1:  # those below a package are counted in it
            try:
                found[file.parent.name] = int(file.read_text()) * MICRO
            except (OSError, ValueError):
                continue
    return found


def _gpus() -> dict[str, float]:
    try:
        import pynvml
    except ImportError:
        return {}
    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        return {
            f"gpu{i}": pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) * MILLI
            for i, handle in enumerate(handles)
        }
    except pynvml.NVMLError:
        return {}
