"""A backbone's folder, and networks whose towers begin from it."""

import json

import pytest
import torch
from safetensors.torch import save_file

from models.data.tokenizer import pieces, train_tokenizer
from models.encoders.base.towers import UnfitWeightsError
from models.network.backbone import Backbone
from models.network.backbone_folder import About, NotABackboneError
from models.network.network import Network
from models.training.presets import preset_named

pytestmark = pytest.mark.slow

TOKENIZER = train_tokenizer(["a quiet walk by the lake", "tea with friends"] * 3, 300)
PIECES = torch.from_numpy(pieces(TOKENIZER))
SMALL = {"width": 32, "layers": 2, "image_size": 32, "dropout": 0.0, "max_tokens": 16, "ngram_bits": 0}
IDS = torch.tensor([[3, 4, 5], [6, 7, 0]])
MASK = (IDS > 0).long()


def kept(folder, name, weights=None, **changes):
    """A backbone with random weights, and the folder that it was saved in."""
    torch.manual_seed(0)
    preset = preset_named(name, **{**SMALL, **changes})
    backbone = Backbone(preset, PIECES, weights).eval()
    about = About(preset=preset, objectives={"contrastive": 1.0}, corpus="made-up", seed=0, aligned=True)
    backbone.save(folder / "backbone", TOKENIZER, about)
    return backbone, folder / "backbone"


@pytest.mark.parametrize("name", ["compact", "clip", "albef", "vit_g"])
def test_saved_and_loaded_it_gives_the_same_embeddings_of_unit_length(tmp_path, name):
    backbone, folder = kept(tmp_path, name)
    loaded, pixels = Backbone.load(folder), torch.rand(3, 3, 32, 32)
    text, image = loaded.text_embedding(IDS, MASK), loaded.image_embedding(pixels)
    assert torch.equal(text, backbone.text_embedding(IDS, MASK))
    assert torch.equal(image, backbone.image_embedding(pixels))
    assert text.shape[1] == image.shape[1] == loaded.embedding_width
    assert torch.allclose(torch.cat([text, image]).norm(dim=1), torch.ones(5), atol=1e-5)
    assert sorted(path.name for path in folder.iterdir()) == [
        "backbone.json", "backbone.safetensors", "tokenizer.json",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["compact", "clip", "blip", "eva", "text"])
def test_a_network_of_its_family_begins_from_it_though_its_preset_says_otherwise(tmp_path, name):
    backbone, folder = kept(tmp_path, name)
    network = Network(
        preset_named(name, **{**SMALL, "width": 48, "layers": 1, "max_tokens": 12}), 3, PIECES, folder
    )
    expected = backbone.towers.state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in network.towers.state_dict().items())


def test_a_preset_may_use_one_of_its_towers(tmp_path):
    backbone, folder = kept(tmp_path, "eva", text_encoder="text")
    network = Network(preset_named("text", **SMALL), 3, PIECES, folder)
    expected = backbone.towers["text"].state_dict()
    assert all(
        torch.equal(value, expected[key]) for key, value in network.towers["text"].state_dict().items()
    )


def test_what_a_backbone_never_saw_begins_from_random(tmp_path):
    backbone, folder = kept(tmp_path, "compact", modalities=("text",))
    tower = Network(preset_named("compact", **SMALL), 3, PIECES, folder).towers["compact"]
    assert torch.equal(tower.text.convolution.weight, backbone.towers["compact"].text.convolution.weight)
    assert tower.image is not None


def test_what_does_not_fit_says_what_to_set(tmp_path):
    _, folder = kept(tmp_path, "clip")
    with pytest.raises(UnfitWeightsError, match="sees 32 pixels: set image_size=32"):
        Network(preset_named("clip", **{**SMALL, "image_size": 64}), 3, PIECES, folder)
    with pytest.raises(UnfitWeightsError, match="reads at most 16: set max_tokens=16"):
        Network(preset_named("clip", **{**SMALL, "max_tokens": 17}), 3, PIECES, folder)
    with pytest.raises(UnfitWeightsError, match="set text_encoder=clip or image_encoder=clip"):
        Network(preset_named("compact", **SMALL), 3, PIECES, folder)
    with pytest.raises(NotABackboneError, match=r"backbone\.json is missing; `moderato pretrain` makes one"):
        Backbone.load(tmp_path)


def test_one_that_began_from_a_librarys_weights_carries_their_configuration(tmp_path):
    from open_clip.model import CustomTextCLIP

    from models.encoders.adapters.open_clip import towers_of

    small = towers_of(preset_named("clip", **{**SMALL, "width": 48}), len(PIECES))
    weights = tmp_path / "weights"
    weights.mkdir()
    config = {"model_cfg": small | {"custom_text": True}, "preprocess_cfg": {"mean": [0.4, 0.5, 0.6]}}
    (weights / "open_clip_config.json").write_text(json.dumps(config))
    save_file(CustomTextCLIP(**small).state_dict(), weights / "open_clip_model.safetensors")
    backbone, folder = kept(tmp_path, "clip", weights)
    (weights / "open_clip_model.safetensors").unlink()
    pixels = torch.rand(2, 3, 32, 32)
    assert torch.equal(Backbone.load(folder).image_embedding(pixels), backbone.image_embedding(pixels))
    network = Network(preset_named("clip", **SMALL), 3, PIECES, folder)
    assert network.towers["clip"].text_width == 48
