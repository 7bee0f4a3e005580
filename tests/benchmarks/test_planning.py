"""What `moderato plan` says of a run beside what the run then takes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.made_up_snapshot import made_up_rows, write_snapshot

pytestmark = pytest.mark.benchmark
PRESETS = ("compact", "transformer", "clip", "text")
SCRIPT = "tests.benchmarks.planned_beside_measured"


def test_a_plan_is_within_a_fifth_of_what_is_measured(tmp_path):
    uri = write_snapshot(tmp_path, made_up_rows(3000))
    print("\nplanned beside measured:\n| preset | seconds | operations | resident memory |")
    for name in PRESETS:
        asked = [uri, f"{name},epochs=1,minimum_steps=0"]
        said, seen = figures(*asked), figures(*asked, str(tmp_path / name))
        rate, operations, memory = (one / other for one, other in zip(said, seen, strict=True))
        print(f"| {name} | {1 / rate:.2f} | {operations:.2f} | {memory:.2f} |")


def figures(*arguments):
    command = [sys.executable, "-m", SCRIPT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
