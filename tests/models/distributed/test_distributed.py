"""Training in several processes: the same curve, whoever dies, and nothing left behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import psutil
import pytest
import torch
import torch.distributed as dist
from lightning.pytorch.loggers import Logger
from safetensors.numpy import load_file
from torch import nn

from models.data.loader import SplitBatches
from models.data.snapshot import SnapshotRows
from models.distributed.job import Job
from models.distributed.launch import TrainingFailedError, launch
from models.distributed.placement import TooFewDevicesError, check, keep_constants
from models.distributed.progress_relay import ProgressRelay
from models.distributed.resources import Resources
from models.distributed.sharding import sharded_units
from models.distributed.worker import pin
from models.domain.errors import UserError
from models.layers.ngrams import HashedNgrams
from models.process.ranks import Ranks
from models.training.classifier import SCORE
from models.training.fit import fit
from models.training.preparation import prepare
from models.training.presets import job_on, preset_named
from models.training.run import shared_out
from tests.support.made_up_snapshot import made_up_rows, write_snapshot

ROOT = Path(__file__).parents[3]
TINY = {
    "vocabulary": 300, "ngram_bits": 8, "width": 16, "heads": 2, "layers": 2, "image_size": 32, "max_tokens": 16,
    "batch_size": 16, "epochs": 2, "minimum_steps": 0, "checkpoint_steps": 3, "dropout": 0.0, "token_dropout": 0.0,
}  # fmt: skip
TWO, SHARDED = Resources(devices=2), Resources(devices=2, strategy="fsdp")
SOON = 20.0  # seconds on a machine that does much else
LAUNCH = """
import signal
import sys
from pathlib import Path
from models.distributed.job import Job
from models.distributed.launch import launch
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell ignores for what runs behind it
launch(Job.model_validate_json(sys.argv[1]), lambda word: print(word["kind"], flush=True))
"""


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return write_snapshot(tmp_path_factory.mktemp("snapshot"), made_up_rows(150))


class Curve(Logger):
    name, version = "curve", ""

    def __init__(self):
        super().__init__()
        self.losses = {}

    def log_metrics(self, metrics, step=None):
        self.losses |= {(name, step): value for name, value in metrics.items() if name.endswith("loss")}

    def log_hyperparams(self, params, *args, **kwargs):
        pass


class Once(pl.Callback):
    """Does something to the training when it has first been validated."""

    def __init__(self, act):
        self.act = act

    def on_validation_end(self, trainer, pl_module):
        act, self.act = self.act, lambda: None
        act()


class StoppedError(Exception):
    pass


def train(uri, folder, resources=TWO, **options):
    job = job_on(uri, preset="clip", seed=0, folder=folder, threads=1, resources=resources, **TINY)
    return fit(job, **options)


def weights(folder):
    return load_file(folder / "model" / "weights.safetensors")


def alike(first, second, tolerance):
    return first.keys() == second.keys() and all(
        np.allclose(first[name], second[name], atol=tolerance) for name in first
    )


def workers():
    found = psutil.Process().children(recursive=True)
    return [process for process in found if "models.distributed.worker" in " ".join(process.cmdline())]


def kill_one():
    workers()[0].kill()


def stop():
    raise StoppedError


@pytest.fixture(scope="module")
def one(uri, tmp_path_factory):
    return followed(uri, tmp_path_factory.mktemp("one"), Resources())


@pytest.fixture(scope="module")
def two(uri, tmp_path_factory):
    return followed(uri, tmp_path_factory.mktemp("two"), TWO)


@pytest.fixture(scope="module")
def sharded(uri, tmp_path_factory):
    return followed(uri, tmp_path_factory.mktemp("sharded"), SHARDED)


def followed(uri, folder, resources):
    """The folder of a training, its curve and its report."""
    curve = Curve()
    report = train(uri, folder, resources, logger=curve)
    return folder, curve.losses, report


@pytest.mark.slow
@pytest.mark.minutes
@pytest.mark.parametrize("name", ["two", "sharded"])
def test_two_processes_learn_as_one_does(one, request, name):
    (alone, losses, report), (together, shared, also) = one, request.getfixturevalue(name)
    assert len(losses) >= 4
    assert shared == pytest.approx(losses, rel=1e-3)
    assert alike(weights(alone), weights(together), 1e-3)
    assert also.steps == report.steps
    assert also.metrics[SCORE] == pytest.approx(report.metrics[SCORE], abs=0.05)
    assert also.measured.devices == 2


@pytest.mark.slow
def test_the_curve_begins_before_the_first_step_and_each_of_its_points_is_logged_once(one):
    steps = [step for name, step in one[1] if name == "train/loss"]
    assert steps[0] == 0
    assert steps == sorted(set(steps))
    assert all(step > 0 for name, step in one[1] if name == "validation/loss")


@pytest.mark.slow
def test_shards_lie_on_disk_and_the_export_is_whole(sharded):
    folder = sharded[0]
    shards = {path.name for path in (folder / "checkpoints" / "best.ckpt").iterdir()}
    assert {"__0_0.distcp", "__1_0.distcp"} <= shards
    assert {path.name for path in (folder / "model").iterdir()} >= {"model.onnx", "weights.safetensors"}


@pytest.mark.slow
@pytest.mark.parametrize("resources", [TWO, SHARDED], ids=["ddp", "fsdp"])
def test_when_a_worker_is_killed_all_go_on_from_the_last_checkpoint(uri, one, tmp_path, resources):
    report = train(uri, tmp_path, resources, callbacks=[Once(kill_one)])
    assert report.resumed_at > 0
    assert workers() == []
    assert alike(weights(one[0]), weights(tmp_path), 1e-3)


@pytest.mark.slow
def test_shards_are_resumed_by_another_number_of_processes(uri, one, tmp_path):
    with pytest.raises(StoppedError):
        train(uri, tmp_path, SHARDED, callbacks=[Once(stop)])
    assert workers() == []
    report = train(uri, tmp_path, Resources(strategy="fsdp"))
    assert report.resumed_at > 0
    assert alike(weights(one[0]), weights(tmp_path), 1e-3)


def job(folder, run, uri="", **resources):
    preset = preset_named("clip", **TINY)
    return Job(
        run=run,
        snapshot_uri=uri,
        preset=preset,
        seed=0,
        folder=folder,
        threads=1,
        resources=Resources(**resources),
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_one_that_asked(tmp_path, number):
    waiting = job(tmp_path, "tests.support.waiting_worker", devices=2).model_dump_json()
    asked = subprocess.Popen(
        [sys.executable, "-c", LAUNCH, waiting],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert asked.stdout.readline() == "waiting\n"
    family = psutil.Process(asked.pid).children(recursive=True)
    assert len(family) == 3  # the agent and two workers, which wait for each other for ever
    asked.send_signal(number)
    asked.communicate(timeout=SOON)
    _, left = psutil.wait_procs(family, timeout=SOON)
    assert left == []


@pytest.mark.slow
def test_a_workers_mistake_is_told_in_one_line_and_not_tried_again(tmp_path):
    with pytest.raises(UserError, match=r"^there is no such thing; choose another$"):
        launch(job(tmp_path, "tests.support.mistaken_worker", devices=2), ProgressRelay(False, ()).hear)
    assert workers() == []


@pytest.mark.slow
def test_workers_that_break_again_and_again_are_told_with_the_end_of_their_log(tmp_path):
    with pytest.raises(TrainingFailedError, match=r"failed 2 times(.|\n)*has no attribute 'nothing'"):
        launch(job(tmp_path, "tests.support.nothing", devices=2, restarts=1), print)


def batches(uri, folder, world):
    rows, preset = SnapshotRows.open(uri), preset_named("compact", **{**TINY, "batch_size": 13})
    prepared = prepare(rows, preset, folder)
    ranks = [Ranks(rank, world) for rank in range(world)]
    return [list(SplitBatches(rows, "train", prepared.tokenizer, preset, 0, each)) for each in ranks]


def test_processes_share_each_batch_and_none_is_left_without_a_post(uri, tmp_path):
    (alone,), shared = batches(uri, tmp_path, 1), batches(uri, tmp_path, 3)
    assert min(len(batch.targets) for batch in alone) == 105 % 13 == 1
    for whole, *parts in zip(alone, *shared, strict=True):
        known = sum(int((~part.targets.isnan()).sum()) for part in parts)
        assert known == int((~whole.targets.isnan()).sum())
        assert all(len(part.targets) and len(part.pixels) for part in parts)
        seen = [int((part.image_index >= 0).sum()) for part in parts]
        assert max(seen) - min(seen) <= 1
        assert sum(float(part.total) for part in parts) == pytest.approx(float(whole.total))
        assert all(float(part.total) == float(parts[0].total) for part in parts)


def test_tables_that_no_step_changes_are_not_sent_and_statistics_are(tmp_path):
    network = nn.ModuleDict({"ngrams": HashedNgrams(8, 2, bits=4), "norm": nn.BatchNorm1d(4)})
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1)
    try:
        everything = nn.parallel.DistributedDataParallel(network).modules_buffers
        keep_constants(network)
        sent = nn.parallel.DistributedDataParallel(network).modules_buffers
    finally:
        dist.destroy_process_group()
    assert len(everything) > len(sent)
    assert {id(tensor) for tensor in sent} == {id(tensor) for tensor in network["norm"].buffers()}


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_processes_keep_to_cores_of_their_own():
    before = os.sched_getaffinity(0)
    shares = []
    for rank in range(2):
        try:
            pin(rank, 2)
            shares.append(os.sched_getaffinity(0))
        finally:
            os.sched_setaffinity(0, before)
    assert shares[0] | shares[1] == before
    assert not shares[0] & shares[1]


def test_repeated_layers_are_sharded_units():
    layer = nn.Sequential(nn.Linear(4, 4), nn.GELU())
    network = nn.ModuleDict(
        {"tower": nn.ModuleList([layer, nn.Sequential(nn.Linear(4, 4))]), "head": nn.Linear(4, 2)}
    )
    assert [name for name, _ in sharded_units(network)] == ["tower.0", "tower.1"]


def test_threads_are_shared_out():
    assert shared_out(8, Resources(devices=2)) == 4
    assert shared_out(1, Resources(devices=2)) == 1
    assert shared_out(8, Resources(workers=2)) == 8
    assert shared_out(0, Resources(devices=10_000)) == 1


def test_more_devices_than_there_are_is_a_mistake(monkeypatch):
    check(Resources(devices=64))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(TooFewDevicesError, match="3 devices are asked for and this machine has 2"):
        check(Resources(devices=3))
