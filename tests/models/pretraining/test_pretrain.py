"""Pre-training on posts without judgements, and what the backbone that it leaves can do."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from models.data.pixels import pixels
from models.data.tokenizer import encode, load_tokenizer, padded
from models.network.backbone import Backbone
from models.pretraining.pretrain import pretrain
from models.training.presets import job_on
from models.training.run import FolderTakenError
from tests.support.made_up_snapshot import Row, picture, write_snapshot

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
UNKNOWN = (float("nan"),) * 3
COLOURS = ("red", "blue")
SMALL = {"vocabulary": 300, "width": 16, "image_size": 32, "batch_size": 16, "averaging": 0.8, "epochs": 1}

PRETRAIN = """
import sys
from pathlib import Path
for blocked in ("prefect", "mlflow", "boto3", "great_expectations"):
    sys.modules[blocked] = None
from models.pretraining.pretrain import pretrain
from models.training.presets import job_on
job = job_on(sys.argv[1], preset="compact", seed=3, folder=Path(sys.argv[2]), threads=1, **eval(sys.argv[3]))
report = pretrain(job, ["contrastive", "masked_language"])
print(report.resumed_at)
"""


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    """Captions that name the colour of their picture among other words; some posts lack one or the other."""
    rng, rows = np.random.default_rng(0), []
    for number in range(160):
        colour = COLOURS[number % 2]
        words = [*rng.choice(["a", "quiet", "walk", "lake", "tea", "friend"], 2), colour]
        text, image = " ".join(rng.permutation(words)), picture(colour)
        rows.append(Row(None if number % 9 == 3 else text, None if number % 7 == 3 else image, UNKNOWN))
    return write_snapshot(tmp_path_factory.mktemp("corpus"), rows)


@pytest.fixture(scope="module")
def learned(uri, tmp_path_factory):
    folder = tmp_path_factory.mktemp("learned")
    long = {**SMALL, "minimum_steps": 60, "patience": 20}
    job = job_on(uri, preset="compact", seed=0, folder=folder, threads=1, **long)
    return job, pretrain(job, ["contrastive"])


def test_a_backbone_tells_pictures_by_words_without_a_judgement(learned):
    backbone = Backbone.load(learned[1].backbone)
    tokenizer = load_tokenizer(learned[1].backbone / "tokenizer.json", 16)
    text = backbone.text_embedding(*map(torch.from_numpy, padded(encode(tokenizer, COLOURS))))
    image = backbone.image_embedding(
        torch.from_numpy(np.stack([pixels(picture(colour), 32) for colour in COLOURS]))
    )
    assert (backbone.scale * image @ text.T).softmax(dim=1).diagonal().min() > 0.8


def test_what_it_says_of_itself_is_what_it_learned(learned):
    about = Backbone.load(learned[1].backbone).about
    assert about.objectives == {"contrastive": 1.0}
    assert about.aligned
    assert about.corpus == "made-up"
    assert set(about.metrics) >= {"validation/contrastive.loss", "validation/contrastive.recall_at_1"}


def test_a_finished_run_returns_its_report_and_another_may_not_take_its_folder(learned):
    job, report = learned
    assert pretrain(job, ["contrastive"]) == report
    with pytest.raises(FolderTakenError):
        pretrain(job, ["sigmoid_contrastive"])


def test_a_run_that_was_killed_goes_on_to_the_same_weights(uri, tmp_path):
    def started(name):
        fields = {**SMALL, "minimum_steps": 20, "checkpoint_steps": 2, "crop_area": 0.5, "mirror": True}
        return subprocess.Popen(
            [sys.executable, "-c", PRETRAIN, uri, str(tmp_path / name), repr(fields)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )

    whole, killed = started("whole"), started("killed")
    while not (tmp_path / "killed" / "checkpoints" / "last.ckpt").exists():
        assert killed.poll() is None
        time.sleep(0.005)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    again = started("killed")
    assert int(again.communicate()[0]) > 0
    assert whole.communicate()[0].strip() == "0"
    first, second = (
        load_file(tmp_path / name / "backbone" / "backbone.safetensors") for name in ("whole", "killed")
    )
    assert all(np.array_equal(first[name], second[name]) for name in first)
