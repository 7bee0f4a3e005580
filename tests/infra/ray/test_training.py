"""Training on a Ray of its own: the finished model comes back, also where a worker was killed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra.ray.cluster import NoRayError, connect, environment, ray_for
from infra.ray.training import told_of
from infra.settings import Settings
from models.distributed.job import Job
from models.training.presets import job_on
from tests.support.made_up_snapshot import made_up_rows, write_snapshot
from tests.support.ray_cluster import cluster

TRAIN = """
import os, sys
from pathlib import Path
import lightning.pytorch as pl
import psutil
from infra.environment import adopt
from infra.settings import Settings
from infra.ray.training import launch_on_ray
from models.distributed.resources import Resources
from models.training.fit import fit
from models.training.presets import job_on

class KillOne(pl.Callback):
    killed = False

    def on_validation_end(self, trainer, pl_module):
        if not self.killed:
            running = [(each, "".join(each.info["cmdline"] or [])) for each in psutil.process_iter(["cmdline"])]
            workers = [each for each, line in running if line.startswith("ray::RayTrainWorker")]
            next(each for each in workers if each.environ().get("MACHINE") == sys.argv[4]).kill()
            self.killed = True

settings = Settings()
adopt(settings)
tiny = {
    "vocabulary": 300, "ngram_bits": 8, "width": 16, "heads": 2, "layers": 1, "image_size": 32, "max_tokens": 16,
    "batch_size": 16, "epochs": 3, "minimum_steps": 0, "checkpoint_steps": 2,
}
job = job_on(
    sys.argv[1], preset="clip", seed=0, folder=Path(sys.argv[2]) / "run", threads=1,
    storage_options=settings.options_for(sys.argv[1]), resources=Resources(workers=2, strategy=sys.argv[3]), **tiny,
)
report = fit(job, launcher=launch_on_ray(settings), callbacks=[KillOne()])
print(report.model_dump_json())
"""


def trained(uri: str, folder: Path, strategy: str, struck: str, **environment: str) -> dict[str, Any]:
    """The report of a training of which a worker was killed that is on the machine `struck`."""
    asked = subprocess.run(
        [sys.executable, "-c", TRAIN, uri, str(folder), strategy, struck],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert asked.returncode == 0, asked.stderr[-4000:]
    return json.loads(asked.stdout.splitlines()[-1])


def made(folder: Path) -> set[str]:
    return {path.name for path in (folder / "run" / "model").iterdir()}


@pytest.mark.slow
@pytest.mark.minutes
def test_a_killed_worker_does_not_end_the_training_and_the_model_comes_back(tmp_path):
    uri = write_snapshot(tmp_path, made_up_rows(100))
    report = trained(uri, tmp_path, "ddp", "this one", MACHINE="this one")
    assert report["resumed_at"] > 0
    assert made(tmp_path) >= {"model.onnx", "weights.safetensors"}
    assert not [
        found for found in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(found.info["cmdline"])
    ]


@pytest.mark.slow
@pytest.mark.minutes
def test_machines_that_share_nothing_but_s3_train_together_for_a_client_elsewhere(tmp_path, s3_server):
    own = s3_server.settings(tmp_path)
    place = f"s3://{s3_server.bucket(own).bucket}"
    uri = write_snapshot(place, made_up_rows(100), storage_options=own.storage_options)
    keys = {"MODERATO_S3_ACCESS_KEY": s3_server.access_key, "MODERATO_S3_SECRET_KEY": s3_server.secret_key}
    asked = {**keys, "MODERATO_S3_ENDPOINT": s3_server.endpoint, "MODERATO_TRAINING_URI": f"{place}/training"}
    with cluster(tmp_path, machines=2, environment=keys) as reached:
        report = trained(uri, tmp_path, "fsdp", "1", **asked, **reached)
    assert report["resumed_at"] > 0
    assert made(tmp_path) >= {"model.onnx", "weights.safetensors"}


def test_without_ray_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(NoRayError, match=r"retrain --workers needs Ray.*pip install 'moderato\[ray\]'"):
        ray_for("retrain --workers")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "127.0.0.1:port"])
def test_an_address_without_a_cluster_is_told_with_what_a_token_wants(monkeypatch, address):
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(NoRayError, match=f"no Ray cluster at RAY_ADDRESS={address}: .*RAY_AUTH_MODE=token"):
        connect(ray_for("retrain --workers"))


class BusyHead:
    """A Ray whose head answers, and cannot start what serves a client the first `failing` times."""

    def __init__(self, failing: int) -> None:
        self.failing, self.asked = failing, 0

    def init(self, **_: Any) -> None:
        self.asked += 1
        if self.asked <= self.failing:
            raise ConnectionAbortedError(
                "Initialization failure from server:\nTraceback (most recent call last):\n"
                "RuntimeError: Starting Ray client server failed.\n"
            )


def test_a_head_too_busy_to_serve_a_client_is_asked_again(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    connect(busy := BusyHead(failing=1))
    assert busy.asked == 2
    with pytest.raises(NoRayError) as told:
        connect(BusyHead(failing=9))
    assert str(told.value).startswith(
        "no Ray cluster at RAY_ADDRESS=local: RuntimeError: Starting Ray client server failed.;"
    )
    assert "\n" not in str(told.value)


def test_a_cluster_is_told_the_settings_but_no_secret():
    told = environment(Settings(seed=3, s3_access_key="key", s3_secret_key="secret", notify_slack="hook"))
    assert told["MODERATO_SEED"] == "3"
    assert not {"key", "secret", "hook"} & set(told.values())
    assert not [name for name in told if "SECRET" in name or "SLACK" in name]


def test_a_cluster_is_told_a_job_without_its_keys_and_without_folders_of_this_machine(tmp_path):
    unseen = [name for name, field in Job.model_fields.items() if not field.repr]
    assert {"storage_options", "embeddings_options"} <= {*unseen}
    keys = {name: {"secret_access_key": f"key of {name}"} for name in unseen}
    here = {"weights": tmp_path / "weights at hand", "embeddings": str(tmp_path / "lake at hand")}
    job = job_on("s3://bucket/snapshot", preset="clip", seed=3, folder=tmp_path / "run", **keys, **here)
    told = told_of(job)
    assert "key of" not in told
    assert "at hand" not in told
    there = Job.model_validate_json(told)
    assert (there.snapshot_uri, there.seed, there.folder) == (job.snapshot_uri, 3, job.folder)
    assert job.storage_options == keys["storage_options"]
