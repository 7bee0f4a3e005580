"""Training on a Ray of its own: the finished model comes back, also where a worker was killed."""

import json
import subprocess
import sys

import psutil
import pytest

from infra.cluster import NoRayError, environment, ray_for
from infra.settings import Settings
from tests.support.made_up_snapshot import made_up_rows, write_snapshot

TRAIN = """
import os, sys
from pathlib import Path
import lightning.pytorch as pl
import psutil
from infra.settings import Settings, adopt
from infra.training import launch_on_ray
from models.distributed.resources import Resources
from models.training.fit import fit

class KillOne(pl.Callback):
    killed = False

    def on_validation_end(self, trainer, pl_module):
        if not self.killed:
            found = psutil.Process().children(recursive=True)
            next(process for process in found if "RayTrainWorker" in " ".join(process.cmdline())).kill()
            self.killed = True

settings = Settings(home=Path(sys.argv[2]))
adopt(settings)
tiny = {
    "vocabulary": 300, "ngram_bits": 8, "width": 16, "heads": 2, "layers": 1, "image_size": 32, "max_tokens": 16,
    "batch_size": 16, "epochs": 3, "minimum_steps": 0, "checkpoint_steps": 2,
}
report = fit(
    sys.argv[1], preset="clip", seed=0, folder=Path(sys.argv[2]) / "run", threads=1,
    resources=Resources(workers=2, strategy=sys.argv[3]), launcher=launch_on_ray(settings),
    callbacks=[KillOne()], **tiny,
)
print(report.model_dump_json())
"""


@pytest.mark.slow
@pytest.mark.minutes
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_a_killed_worker_does_not_end_the_training_and_the_model_comes_back(tmp_path, strategy):
    uri = write_snapshot(tmp_path, made_up_rows(100))
    asked = subprocess.Popen(
        [sys.executable, "-c", TRAIN, uri, str(tmp_path), strategy],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    output, errors = asked.communicate()
    assert asked.returncode == 0, errors[-4000:]
    report = json.loads(output.splitlines()[-1])
    assert report["resumed_at"] > 0
    assert {path.name for path in (tmp_path / "run" / "model").iterdir()} >= {
        "model.onnx",
        "weights.safetensors",
    }
    assert not [
        found for found in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(found.info["cmdline"])
    ]


def test_without_ray_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(NoRayError, match=r"retrain --workers needs Ray.*pip install 'moderato\[ray\]'"):
        ray_for("retrain --workers")


def test_a_cluster_is_told_the_settings_but_no_secret():
    told = environment(Settings(seed=3, s3_access_key="key", s3_secret_key="secret", notify_slack="hook"))
    assert told["MODERATO_SEED"] == "3"
    assert not {"key", "secret", "hook"} & set(told.values())
    assert not [name for name in told if "SECRET" in name or "SLACK" in name]
