"""Validation against Great Expectations alone, on the same expectations in one run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("snapshot_at_size.py")


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
def test_validation_costs_little_over_bare_great_expectations(tmp_path: Path):
    for verb, *more in (("fill", "500000"), ("bare",)):
        command = [sys.executable, str(SCRIPT), verb, str(tmp_path), *more]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    seconds = json.loads(out.splitlines()[-1])
    print(f"\nin batches {seconds['ours']:.1f} s, as one frame {seconds['bare']:.1f} s")
    print(f"validation costs {seconds['ours'] / seconds['bare']:.2f} times bare Great Expectations")
