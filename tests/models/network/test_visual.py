"""Frozen encoders of pictures and videos, from a small one of timm's that is made here."""

import json

import lance
import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from models.data.embeddings import Embeddings
from models.data.snapshot import SnapshotRows
from models.encoders.adapters.layer_maps import layer_maps
from models.encoders.base.towers import UnfitWeightsError
from models.inference.scorer import Scorer
from models.layers.visual import Visual
from models.network.visual import Looking, VisualEncoder
from models.training.fit import fit
from models.training.preparation import prepare
from models.training.presets import job_on, preset_named
from tests.support.made_up_snapshot import Row, film, picture, write_snapshot

pytestmark = pytest.mark.slow

FIELDS = "embedder=image,image_size=32,frames=4,ngram_bits=0"
STILL, FLICKER = film(["blue"] * 4), film(["blue", "green"] * 2)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A small network of timm's, as it saves one."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    save_file(
        timm.create_model("test_efficientnet", num_classes=0).state_dict(), folder / "model.safetensors"
    )
    about = {"architecture": "test_efficientnet", "num_classes": 0, "pretrained_cfg": {"num_classes": 0}}
    (folder / "config.json").write_text(json.dumps(about))
    return folder


def made_up(count):
    """Red pictures and flickering videos violate; a fifth of the posts are texts alone."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(count):
        violates = bool(rng.random() < 0.5)
        image = picture("red" if violates else "blue") if number % 5 in (0, 1) else None
        video = (FLICKER if violates else STILL) if number % 5 in (2, 3) else None
        text = "a quiet walk" if image is None and video is None else None
        rows.append(Row(text, image, (float(violates and text is None),), video))
    return rows


def visual_of(weights, preset):
    return Visual(layer_maps(weights, preset.image_size), preset.modalities).eval()


def test_weights_that_a_preset_does_not_name_are_asked_for(tmp_path):
    rows = SnapshotRows.open(write_snapshot(tmp_path, made_up(20), ("violence",)))
    with pytest.raises(UnfitWeightsError, match="embedder is 'image', which needs weights"):
        prepare(rows, preset_named(f"trial,{FIELDS}"), tmp_path, None)


def test_what_was_seen_once_is_kept_by_content(weights, tmp_path):
    rows = SnapshotRows.open(write_snapshot(tmp_path, made_up(40), ("violence",)))
    preset = preset_named(f"trial,{FIELDS},modalities=text+image+video")
    visual, kept = visual_of(weights, preset), Embeddings(str(tmp_path / "embeddings"))
    looking = Looking(rows, visual, VisualEncoder.of(visual, preset), kept)
    first, second = looking(rows.positions("train")), looking(rows.positions("train"))
    assert np.array_equal(first, second)
    assert first.shape == (28, visual.width)
    assert first == pytest.approx(
        Looking(rows, visual, looking.encoders)(rows.positions("train")), abs=2e-2, rel=2e-3
    )
    tables = [lance.dataset(str(table)) for table in (tmp_path / "embeddings").iterdir()]
    assert [table.count_rows() for table in tables] == [2, 2]  # two pictures, and two videos


def test_a_picture_that_cannot_be_opened_is_silent(weights):
    preset = preset_named(f"trial,{FIELDS}")
    (encoder,) = VisualEncoder.of(visual_of(weights, preset), preset)
    found = encoder([b"no picture", None, picture("red")])
    assert not found[:2].any()
    assert found[2, 0] == 1


def test_a_model_goes_by_what_a_frozen_encoder_sees_and_serves_it_as_it_was_trained(weights, tmp_path):
    uri = write_snapshot(tmp_path, made_up(300), ("violence",))
    preset = f"trial,{FIELDS},modalities=text+image+video"
    trained = fit(job_on(uri, preset=preset, seed=0, folder=tmp_path / "run", weights=weights))
    scorer = Scorer.load(trained.model)
    assert scorer.about.parity < 1e-3  # of the graph, with what it makes of pixels, from torch
    nothing = [None] * 5
    images, videos = [picture("red"), picture("blue"), None, None, None], [None, None, FLICKER, STILL, None]
    red, blue, flicker, still, text = scorer.logits([*nothing[:4], "a quiet walk"], images, videos)[:, 0]
    assert red > blue + 1
    assert flicker > still + 1
    assert text < min(red, flicker)
    state = prepare(SnapshotRows.open(uri), preset_named(preset), tmp_path / "run", weights)
    network = state.network(preset_named(preset), 1)
    rows = SnapshotRows.open(uri)
    look = Looking(rows, state.visual, VisualEncoder.of(state.visual, preset_named(preset)))
    seen = look(rows.positions("validation"))
    assert seen == pytest.approx(state.validation["picture_embedding"], abs=2e-2, rel=2e-3)
    assert network.picture_probe.weight.any()
    assert network.motion is None
