"""Measurements, each in a process of its own, whose peak memory is its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SNAPSHOT = Path(__file__).with_name("snapshot_at_size.py")
MEASURE = """
import sys, time
from tests.benchmarks.peak_memory import peak_mb
{imports}
started = time.perf_counter()
{work}
seconds = time.perf_counter() - started
print(seconds, peak_mb())
"""

INGEST = MEASURE.format(
    imports="from pathlib import Path; from infra.ingest import ingest; from infra.environment import adopt; "
    "from infra.settings import Settings",
    work="settings = Settings(_env_file=None, home=Path(sys.argv[2])); adopt(settings); "
    "ingest(settings, 'jsonl', sys.argv[1])",
)


def measured(program: str, *arguments: Path) -> tuple[float, float]:
    """Seconds of the work, without imports, and peak MB of its process."""
    command = [sys.executable, "-W", "error", "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, memory = done.stdout.split()[-2:]  # DuckDB prints its progress before
    return float(seconds), float(memory)


def snapshot(verb: str, home: Path, *more: str) -> dict[str, float]:
    """What `snapshot_at_size.py` said of one verb."""
    command = [sys.executable, str(SNAPSHOT), verb, str(home), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])
