"""Training's throughput against a bare torch loop over the same batches, and of two processes against one."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch.optim import AdamW

from models.data.loader import SplitBatches
from models.data.snapshot import SnapshotRows
from models.distributed.resources import Resources
from models.domain.preset import compact
from models.objectives import OBJECTIVES
from models.training.fit import ClassifierRun, fit
from models.training.learner import AVERAGED_EVERY
from models.training.preparation import prepare
from models.training.presets import job_on
from tests.benchmarks.frame import Bench, Figure, Seen, at_least
from tests.support.made_up_snapshot import made_up_rows, write_snapshot

BARE = Figure(name="training", beside="posts a second of a hand-written torch loop", aim=at_least(0.95))
TWO = Figure(
    name="training of a small `clip` in two processes, a core and a thread each",
    beside="posts a second of one",
    aim=at_least(1.6),
)
TURNS = 5
PAIRS = 3
SMALL = "clip,epochs=1,minimum_steps=0"
PINNED = f"""
import os, sys
from pathlib import Path
os.sched_setaffinity(0, {{int(sys.argv[3])}})
from models.training.fit import fit
from models.training.presets import job_on
fit(job_on(sys.argv[1], preset="{SMALL}", seed=0, folder=Path(sys.argv[2]), threads=1))
"""


def measure(folder: Path) -> Iterator[Seen]:
    yield beside_a_bare_loop(folder)
    yield two_processes(folder)


def beside_a_bare_loop(folder: Path) -> Seen:
    uri = write_snapshot(folder / "bare", made_up_rows(6000))
    torch.set_num_threads(1)  # two threads on a machine that others use measure the others
    turns = []
    for turn in range(TURNS):  # in turns, so that a busy machine slows both
        bare = bare_loop(uri, folder / f"bare{turn}")
        preset, place = "compact,epochs=2,minimum_steps=0", folder / f"ours{turn}"
        report = fit(job_on(uri, preset=preset, seed=0, folder=place, threads=1))
        turns.append((report.items_per_second / bare, report.items_per_second, bare))
    ratio, ours, bare = sorted(turns)[TURNS // 2]
    varied = f"median of {TURNS}, {min(turns)[0]:.3f} to {max(turns)[0]:.3f}"
    return BARE.seen(ratio, f"{ours:.0f} posts/s beside {bare:.0f}, {varied}")


def two_processes(folder: Path) -> Seen:
    """A small CLIP, a core and a thread that computes for each process. Processes that train together tell each other a
    gradient for every weight; two that do not know of each other say what the cores allow.
    """
    uri = write_snapshot(folder / "two", made_up_rows(2000))
    turns = []
    for turn in range(PAIRS):
        one = sum(apart(uri, [folder / f"{turn}.one"]))
        limit = sum(apart(uri, [folder / f"{turn}.{name}" for name in ("first", "second")]))
        both = {"threads": 2, "resources": Resources(devices=2)}
        report = fit(job_on(uri, preset=SMALL, seed=0, folder=folder / f"{turn}.two", **both))
        turns.append((report.items_per_second / one, report.items_per_second, one, limit / one))
    ratio, two, one, limit = sorted(turns)[PAIRS // 2]
    varied = f"median of {PAIRS}, {min(turns)[0]:.2f} to {max(turns)[0]:.2f}"
    return TWO.seen(
        ratio, f"{two:.0f} posts/s beside {one:.0f}, {varied}; {ratio / limit:.2f} of two that share nothing"
    )


def apart(uri, folders):
    """Posts a second of trainings side by side, each on a core of its own."""
    running = [
        subprocess.Popen([sys.executable, "-c", PINNED, uri, str(folder), str(core)])
        for core, folder in enumerate(folders)
    ]
    assert not any(process.wait() for process in running)
    return [ClassifierRun.report(folder).items_per_second for folder in folders]


def bare_loop(uri, folder):
    preset, rows = compact(), SnapshotRows.open(uri)
    folder.mkdir()
    preparation = prepare(rows, preset, folder)
    network = preparation.network(preset, len(rows.policies))
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.98)
    )
    objective, optimizer = OBJECTIVES[preset.objective], AdamW(network.parameters(), lr=1e-3, fused=True)
    batches, items = SplitBatches(rows, "train", preparation.tokenizer, preset, 0), 0
    start = time.perf_counter()
    for epoch in range(2):
        batches.epoch = epoch
        for step, batch in enumerate(batches):
            optimizer.zero_grad()
            objective(network.deep(**batch.inputs), batch.targets, batch.weights).backward()
            optimizer.step()
            items += len(batch.targets)
            if step % AVERAGED_EVERY == 0:
                average.update_parameters(network)
    return items / (time.perf_counter() - start)


BENCH = Bench(figures=(BARE, TWO), measure=measure, seeds="0")
