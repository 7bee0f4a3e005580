"""What of a backbone is pre-trained, and what it watches: a retraining takes up either."""

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from safetensors.torch import load_file

from models.network.backbone import Backbone
from models.pretraining.objective_mix import ObjectiveError
from models.pretraining.pretrain import check, pretrain
from models.training.fit import attempt
from models.training.presets import job_on, preset_named
from tests.support.made_up_snapshot import Row, film, picture, write_snapshot

SMALL = {
    "width": 32, "layers": 1, "image_size": 32, "patch_size": 16, "max_tokens": 16, "vocabulary": 300, "epochs": 1,
    "batch_size": 16, "dropout": 0.0, "minimum_steps": 4, "averaging": 0.0, "frames": 2, "ngram_bits": 0,
}  # fmt: skip
RANK = 3
WATCHES = ("text", "image", "video")


def learn(uri, folder, objective="contrastive", **settings):
    job = job_on(uri, preset="clip", seed=0, folder=folder, threads=1, **{**SMALL, **settings})
    return pretrain(job, [objective]).backbone


@pytest.fixture(scope="module")
def first(coloured, tmp_path_factory):
    return learn(coloured, tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Red violates, in pictures and in videos."""
    rows = []
    for number in range(40):
        red, filmed = number % 2, number % 3 == 0
        colour = "red" if red else "blue"
        image, video = (None, film([colour] * 2)) if filmed else (picture(colour), None)
        rows.append(Row("a walk", image, (0.0, 0.0, float(red)), video))
    return write_snapshot(tmp_path_factory.mktemp("judged"), rows)


class Beginning(Callback):
    """What the towers of a training begin with."""

    def on_train_start(self, trainer, pl_module):
        self.towers = {name: t.clone() for name, t in pl_module.network.towers.state_dict().items()}


def retrained(uri, folder, backbone, preset="clip"):
    """The towers that a training begins with, which goes on to its end."""
    beginning, changes = Beginning(), "".join(f",{name}={value}" for name, value in SMALL.items())
    attempt(
        job_on(uri, preset=preset + changes, seed=0, folder=folder, weights=backbone, threads=1),
        callbacks=[beginning],
    )
    assert (folder / "checkpoints" / "best.ckpt").exists()
    return beginning.towers


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["contrastive", "momentum_contrastive"])
def test_low_rank_additions_are_part_of_the_weights_that_are_kept(coloured, first, tmp_path, objective):
    adapted = learn(coloured, tmp_path, objective, weights=first, tuning="lora", lora_rank=RANK)
    before, after = (load_file(folder / "backbone.safetensors") for folder in (first, adapted))
    assert before.keys() == after.keys()
    moved = {name: after[name] - before[name] for name in before if name.startswith("towers.")}
    ranks = {name: int(torch.linalg.matrix_rank(d, atol=1e-6)) for name, d in moved.items() if d.dim() == 2}
    assert 1 <= max(ranks.values()) <= RANK
    assert not any(difference.any() for difference in moved.values() if difference.dim() != 2)


@pytest.mark.slow
def test_a_retraining_takes_up_what_low_rank_additions_made(coloured, first, judged, tmp_path):
    adapted = learn(coloured, tmp_path / "adapted", weights=first, tuning="lora", lora_rank=RANK)
    kept = load_file(adapted / "backbone.safetensors")
    begun = retrained(judged, tmp_path / "model", adapted)
    assert all(torch.equal(kept[f"towers.{name}"], value) for name, value in begun.items())


@pytest.mark.slow
def test_a_retraining_takes_up_a_backbone_that_watched(coloured, judged, tmp_path):
    watched = learn(coloured, tmp_path / "watched", "contrastive+masked_image", modalities=WATCHES)
    assert Backbone.load(watched).preset.modalities == WATCHES
    kept = load_file(watched / "backbone.safetensors")
    begun = retrained(judged, tmp_path / "model", watched, "clip,modalities=text+image+video")
    assert all(torch.equal(kept[f"towers.{name}"], value) for name, value in begun.items())


def test_encoders_of_which_nothing_would_be_learned_are_refused_before_any_work():
    with pytest.raises(
        ObjectiveError, match="tuning=lora adds to weights that have learned already; set weights"
    ):
        check(preset_named("clip,tuning=lora"), ["contrastive"])
    with pytest.raises(ObjectiveError, match="tuning=probe leaves the encoders as they are; set tuning=full"):
        check(preset_named("clip,tuning=probe"), ["contrastive"])
    check(preset_named("clip,tuning=lora,weights=models:/moderato-backbone@clip"), ["contrastive"])
