"""Seconds and peak memory of a snapshot at two sizes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("snapshot_at_size.py")
SIZES = (100_000, 1_000_000)


def measured(verb: str, home: Path, *more: str) -> dict[str, float]:
    """In a process of its own, whose peak memory is its own."""
    command = [sys.executable, str(SCRIPT), verb, str(home), *more]
    return json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    )


def report(what: str, found: list[dict[str, float]]) -> None:
    print(f"\n{what:>20} {'seconds':>10} {'peak MB':>10}")
    for size, row in zip(SIZES, found, strict=True):
        print(f"{size:>20,} {row['seconds']:>10.1f} {row['peak_mb']:>10,.0f}")
    few, many = found
    times = (many["seconds"] / few["seconds"], many["peak_mb"] / few["peak_mb"])
    print(f"ten times the posts: {times[0]:.1f} times the seconds, {times[1]:.2f} times the memory")


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
def test_a_snapshot_is_linear_and_its_memory_flat(tmp_path: Path):
    for size in SIZES:
        measured("fill", tmp_path / str(size), str(size))
    report("snapshot", [measured("cut", tmp_path / str(size)) for size in SIZES])
    report("and validation", [measured("validate", tmp_path / str(size)) for size in SIZES])
