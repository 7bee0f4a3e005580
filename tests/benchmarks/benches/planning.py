"""What `moderato plan` says of a run beside what the run then takes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.frame import Bench, Figure, Seen, Table, between
from tests.support.made_up_snapshot import made_up_rows, write_snapshot

PRESETS = ("compact", "transformer", "clip", "text")
SCRIPT = "tests.benchmarks.planned_beside_measured"
CLOSE = between(0.8, 1.2)
SECONDS = {
    name: Figure(
        name=f"seconds that `moderato plan` says of `{name}`", beside="what training then takes", aim=CLOSE
    )
    for name in PRESETS
}
OPERATIONS = Figure(
    name="its operations, of the preset farthest off", beside="what training then counts", aim=CLOSE
)
MEMORY = Figure(name="its memory, of the preset farthest off", beside="what training then takes", aim=CLOSE)


def measure(folder: Path) -> Iterator[Seen | Table]:
    uri = write_snapshot(folder, made_up_rows(3000))
    found = {}
    for name in PRESETS:
        asked = [uri, f"{name},epochs=1,minimum_steps=0"]
        said, seen = figures(*asked), figures(*asked, str(folder / name))
        rate, operations, memory = (one / other for one, other in zip(said, seen, strict=True))
        found[name] = (1 / rate, operations, memory)
        yield SECONDS[name].seen(1 / rate)
    for figure, column in ((OPERATIONS, 1), (MEMORY, 2)):
        farthest = max(PRESETS, key=lambda name: abs(found[name][column] - 1))
        yield figure.seen(found[farthest][column], farthest)
    rows = tuple((f"`{name}`", *(f"{it:.2f}" for it in ratios)) for name, ratios in found.items())
    yield Table(columns=("preset", "seconds", "operations", "resident memory"), rows=rows)


def figures(*arguments: str) -> list[float]:
    """Posts a second, operations of a post and bytes of memory."""
    command = [sys.executable, "-m", SCRIPT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


BENCH = Bench(figures=(*SECONDS.values(), OPERATIONS, MEMORY), measure=measure, seeds="0")
