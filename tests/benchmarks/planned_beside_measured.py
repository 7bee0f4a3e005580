"""`python -m tests.benchmarks.planned_beside_measured SNAPSHOT PRESET FOLDER`: ratios as JSON, of a fresh process.

The run comes first: memory that a plan's own steps had used would count as there before.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import lightning.pytorch as pl
import torch

from models.planning.plan import plan
from models.preset import preset_named
from models.snapshot import SnapshotRows
from models.training.fit import attempt
from models.training.run import measured


class Kept(pl.Callback):
    def on_train_end(self, trainer, pl_module):
        self.measured = measured(trainer)


if __name__ == "__main__":
    uri, preset, folder = sys.argv[1:]
    torch.set_num_threads(1)  # two threads on a machine that others use measure the others
    kept = Kept()
    attempt(uri, preset=preset, seed=0, folder=Path(folder), threads=1, callbacks=[kept])
    seen, said = kept.measured, plan(preset_named(preset), rows=SnapshotRows.open(uri), threads=1)
    ratios = {
        "seconds": seen.items_per_second / said.items_per_second,
        "operations": said.flops_per_item / seen.flops_per_item,
        "memory": said.memory_bytes / (seen.memory_peak_bytes - seen.memory_before_bytes),
    }
    print(json.dumps(ratios))
