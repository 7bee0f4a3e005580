"""`python -m tests.benchmarks.planned_beside_measured SNAPSHOT PRESET [FOLDER]`: figures as JSON, of a fresh process.

What a plan says, or what a run in FOLDER takes: memory that the one used would count for the other.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import lightning.pytorch as pl
import torch

from models.data.snapshot import SnapshotRows
from models.planning.plan import plan
from models.training.fit import attempt
from models.training.presets import job_on, preset_named
from models.training.run import measured


class Kept(pl.Callback):
    def on_train_end(self, trainer, pl_module):
        self.measured = measured(trainer)


def figures(uri, preset, folder=None):
    if folder is None:
        said = plan(preset_named(preset), rows=SnapshotRows.open(uri), threads=1)
        return said.items_per_second, said.flops_per_item, said.memory_bytes
    kept = Kept()
    attempt(job_on(uri, preset=preset, seed=0, folder=Path(folder), threads=1), callbacks=[kept])
    seen = kept.measured
    return seen.items_per_second, seen.flops_per_item, seen.memory_peak_bytes


if __name__ == "__main__":
    torch.set_num_threads(1)  # two threads on a machine that others use measure the others
    print(json.dumps(figures(*sys.argv[1:])))
