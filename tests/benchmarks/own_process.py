"""Measurements of `snapshot_at_size.py`, each in a process of its own, whose peak memory is its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("snapshot_at_size.py")


def measured(verb: str, home: Path, *more: str) -> dict[str, float]:
    """What the script said of one verb."""
    command = [sys.executable, str(SCRIPT), verb, str(home), *more]
    return json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    )
