"""What a device can do at most, in floating-point operations a second; utilisation is a share of it."""

from __future__ import annotations

import time
from functools import cache

import torch

TERA = 1e12
SIDE, SIDE_ON_GPU, TURNS = 768, 8192, 5  # of the matrices, and how often they are multiplied

# dense products of bfloat16 on tensor cores, from NVIDIA's data sheets (which also give twice as much, for sparse
# ones); the first name that is part of the device's own
NVIDIA: dict[str, float] = {
    "GB200": 2500 * TERA,
    "B200": 2250 * TERA,
    "H200 NVL": 835.5 * TERA,
    "H200": 989.4 * TERA,
    "H100 NVL": 835.5 * TERA,
    "H100 PCIe": 756 * TERA,
    "H100": 989.4 * TERA,
    "A100": 312 * TERA,
    "A30": 165 * TERA,
    "A10G": 70 * TERA,
    "A10": 125 * TERA,
    "L40S": 362 * TERA,
    "L40": 181 * TERA,
    "L4": 121 * TERA,
}


def peak(device: torch.device) -> float:
    """Operations a second: of a data sheet, else measured by multiplying matrices with the threads that torch has."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        for part, value in NVIDIA.items():
            if part in name:
                return value
    return _measured(device.type, torch.get_num_threads())


@cache
def _measured(kind: str, threads: int) -> float:  # noqa: ARG001 - another count, another measurement
    side, kept = (SIDE_ON_GPU, torch.bfloat16) if kind == "cuda" else (SIDE, torch.float32)
    matrix = torch.ones(side, side, device=kind, dtype=kept)
    return 2 * side**3 / min(_seconds(matrix) for _ in range(TURNS))


def _seconds(matrix: torch.Tensor) -> float:
    start = time.perf_counter()
    product = matrix @ matrix
    product[0, 0].item()  # waits for a device that works on its own
    return time.perf_counter() - start
