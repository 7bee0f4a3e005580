"""A backbone that learned to compare teaches another to tell what the hidden parts of a picture hold."""

import pytest
import torch
from safetensors.torch import load_file

from models.data.tokenizer import pieces, train_tokenizer
from models.encoders.base.towers import UnfitWeightsError
from models.network.backbone import Backbone
from models.network.backbone_folder import About
from models.objectives.base.teacher import Teacher
from models.pretraining.pretrain import pretrain
from models.training.presets import job_on, preset_named

SMALL = {
    "width": 32, "layers": 1, "image_size": 32, "patch_size": 8, "max_tokens": 16, "vocabulary": 300, "epochs": 1,
    "batch_size": 16, "dropout": 0.0,
}  # fmt: skip


def learn(uri, folder, preset, objective, *, teacher=None, **settings):
    settings = {"minimum_steps": 3, "averaging": 0.0, **SMALL, **settings}
    job = job_on(uri, preset=preset, seed=0, folder=folder, threads=1, **settings)
    return pretrain(job, [objective], teacher)


def kept(folder, **changes):
    """A backbone with random weights."""
    tokenizer = train_tokenizer(["a quiet walk by the lake"] * 3, 300)
    preset = preset_named("clip", **{**SMALL, **changes})
    backbone = Backbone(preset, torch.from_numpy(pieces(tokenizer)))
    backbone.save(folder, tokenizer, About(preset=preset, objectives={}, corpus="none", seed=0))
    return folder


@pytest.mark.slow
def test_a_pupil_comes_to_tell_what_its_teacher_sees(coloured, tmp_path):
    teacher = learn(coloured, tmp_path / "teacher", "clip", "contrastive").backbone
    before = load_file(teacher / "backbone.safetensors")
    settings = {"teacher": teacher, "crop_area": 0.3, "mirror": True, "learning_rate": 3e-3}
    short = learn(coloured, tmp_path / "short", "eva", "masked_image", **settings)
    long = learn(
        coloured, tmp_path / "long", "eva", "masked_image", **settings, minimum_steps=24, patience=20
    )
    loss = "validation/masked_image.loss"
    assert long.metrics[loss] < 0.6 * short.metrics[loss]
    assert str(teacher) in (tmp_path / "long" / "plan.json").read_text()
    assert Backbone.load(long.backbone).about.objectives == {"masked_image": 1.0}
    after = load_file(teacher / "backbone.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(name.startswith("lessons") for name in load_file(long.backbone / "backbone.safetensors"))


def test_what_cannot_teach_says_why(coloured, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        UnfitWeightsError, match=r"neither a backbone nor open_clip's: open_clip_config\.json"
    ):
        learn(coloured, tmp_path / "run", "eva", "masked_image", teacher=tmp_path / "empty")
    reads = kept(tmp_path / "reads", modalities=("text",))
    with pytest.raises(UnfitWeightsError, match="does not see; choose a backbone of pictures"):
        Teacher(reads, preset_named("eva", **SMALL))
