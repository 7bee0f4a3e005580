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
        command = [sys.executable, "-m", SCRIPT, uri, f"{name},epochs=1,minimum_steps=0", tmp_path / name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        print(f"| {name} | {found['seconds']:.2f} | {found['operations']:.2f} | {found['memory']:.2f} |")
