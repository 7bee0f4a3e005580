"""Bootstrapping on toy pictures: a backbone that learned from some wrong captions finds them and writes better ones."""

import shutil

import made_up_snapshot
import numpy as np
import pytest

from models.data.snapshot import SnapshotRows
from models.network.backbone import Backbone
from models.pretraining.pretrain import pretrain
from models.pretraining.recaption import DROPPED, KEPT, REPLACED, UNSEEN, NoFilterError, bootstrap
from models.training.presets import job_on

pytestmark = pytest.mark.slow

COLOURS = ("red", "blue", "green", "white")
POSTS, WRONG, PLAIN = 160, 0.25, 20
PRESET = (
    "blip,width=32,layers=2,image_size=32,patch_size=16,vocabulary=300,max_tokens=16,dropout=0,token_dropout=0,"
    "epochs=1,batch_size=32,averaging=0.9,learning_rate=3e-3"
)


def said(colour):
    return f"a {colour} picture"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The address of a corpus, and the colour of each post's picture, None where it has none."""
    rng = np.random.default_rng(0)
    rows, colours = [], []
    for number in range(POSTS + PLAIN):
        colour = str(rng.choice(COLOURS)) if number < POSTS else None
        wrong = rng.random() < WRONG
        named = str(rng.choice([other for other in COLOURS if other != colour])) if wrong else colour
        image = made_up_snapshot.picture(colour) if colour else None
        rows.append(made_up_snapshot.Row(said(named) if colour else "a walk", image, (np.nan,) * 3))
        colours.append(colour)
    return made_up_snapshot.write_snapshot(tmp_path_factory.mktemp("corpus"), rows), colours


@pytest.fixture(scope="module")
def backbone(corpus, tmp_path_factory):
    objectives = ("contrastive", "captioning", "matching")
    folder = tmp_path_factory.mktemp("run")
    job = job_on(corpus[0], preset=PRESET, seed=0, folder=folder, threads=1, minimum_steps=250)
    return pretrain(job, objectives).backbone


def test_most_wrong_captions_are_replaced_or_dropped_and_most_true_ones_kept(corpus, backbone):
    before = SnapshotRows.open(corpus[0])
    made = bootstrap(before, backbone)
    after = SnapshotRows.open(made.uri)
    assert (after.id, after.counts, after.id != before.id) == (made.id, before.counts, True)
    old, new = (rows.dataset.to_table().to_pylist() for rows in (before, after))
    assert [row["post_id"] for row in old] == [row["post_id"] for row in new]
    assert [row["image"] for row in old] == [row["image"] for row in new]
    shown = [(corpus[1][int(a["post_id"].removeprefix("p"))], a["text"], b["text"])
             for a, b in zip(old, new, strict=True) if a["image"]]  # fmt: skip
    true = [after for colour, text, after in shown if text == said(colour)]
    wrong = [(after, said(colour)) for colour, text, after in shown if text != said(colour)]
    assert np.mean([after is not None for after in true]) > 0.9
    assert np.mean([after is None or after == right for after, right in wrong]) > 0.6
    assert made.became[UNSEEN] == PLAIN
    assert made.became[KEPT] + made.became[REPLACED] + made.became[DROPPED] == POSTS
    assert bootstrap(before, backbone) == made


def test_a_backbone_that_cannot_judge_says_what_makes_one(corpus, backbone, tmp_path):
    shutil.copytree(backbone, tmp_path / "plain")
    (tmp_path / "plain" / "matching.safetensors").unlink()
    assert Backbone.load(tmp_path / "plain").about.writes
    with pytest.raises(NoFilterError, match=r"--objectives contrastive\+captioning\+matching"):
        bootstrap(SnapshotRows.open(corpus[0]), tmp_path / "plain")
