"""Pre-training of which each of two processes holds a share: the same as one learns, and every objective."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from models.distributed.resources import Resources
from models.pretraining.pretrain import pretrain
from models.training.presets import job_on
from tests.support.made_up_snapshot import Row, picture, write_snapshot

pytestmark = [pytest.mark.slow, pytest.mark.minutes]

SHARED = Resources(devices=2, strategy="fsdp")
SMALL = {
    "vocabulary": 300, "width": 16, "heads": 2, "layers": 2, "image_size": 64, "max_tokens": 16, "batch_size": 16,
    "averaging": 0.8, "epochs": 1, "minimum_steps": 0, "dropout": 0.0, "token_dropout": 0.0,
}  # fmt: skip
COLOURS = ("red", "blue")


def corpus(folder, lacking):
    """Posts of which so many of eight lack text or picture."""
    rng, rows = np.random.default_rng(0), []
    for number in range(60):
        text = " ".join([*rng.choice(["a", "quiet", "walk", "lake", "tea"], 2), COLOURS[number % 2]])
        lacks, image = rng.integers(8) < lacking, picture(COLOURS[number % 2])
        without = (None, image) if rng.integers(2) else (text, None)
        rows.append(Row(*(without if lacks else (text, image)), (float("nan"),) * 3))
    return write_snapshot(folder, rows)


@pytest.fixture(scope="module")
def paired(tmp_path_factory):
    return corpus(tmp_path_factory.mktemp("paired"), lacking=0)


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    """A corpus in whose batches one of two processes has no pair now and then."""
    return corpus(tmp_path_factory.mktemp("corpus"), lacking=7)


def learned(uri, folder, preset, objectives, resources=SHARED, *, weights=None, teacher=None):
    asked = {"preset": preset, "folder": folder, "resources": resources, "weights": weights}
    return pretrain(job_on(uri, seed=0, threads=1, **asked, **SMALL), objectives, teacher)


@pytest.fixture(scope="module")
def backbone(paired, tmp_path_factory):
    return learned(paired, tmp_path_factory.mktemp("first"), "clip", ["contrastive"], Resources()).backbone


def test_processes_that_share_a_backbone_go_on_from_it_as_one_does(paired, backbone, tmp_path):
    made = [
        learned(paired, tmp_path / name, "clip", ["contrastive"], resources, weights=backbone).backbone
        for name, resources in (("one", Resources()), ("two", SHARED))
    ]
    one, two = (load_file(folder / "backbone.safetensors") for folder in made)
    assert one.keys() == two.keys()
    # a bias of keys changes no softmax, so that its gradient is rounding alone
    felt = [name for name in one if not name.endswith("attn.in_proj_bias")]
    assert len(felt) > 20
    assert all(np.allclose(one[name], two[name], atol=1e-3) for name in felt)


@pytest.mark.parametrize(
    ("preset", "objectives"),
    [
        ("albef", ["contrastive", "momentum_contrastive", "matching", "masked_language"]),
        ("blip", ["sigmoid_contrastive", "matching", "captioning"]),
        ("flamingo", ["causal_language"]),
    ],
)
def test_every_objective_is_learned_by_processes_that_enter_layers_together(
    uri, tmp_path, preset, objectives
):
    report = learned(uri, tmp_path, preset, objectives)
    assert all(np.isfinite(report.metrics[f"validation/{name}.loss"]) for name in objectives)
    assert report.measured.devices == 2


def test_each_process_has_the_teacher_whole(uri, backbone, tmp_path):
    report = learned(uri, tmp_path, "eva", ["masked_image"], teacher=backbone)
    assert 0 <= report.metrics["validation/masked_image.loss"] < 2
