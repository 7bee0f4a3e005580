"""A frozen encoder's vector is that of its library's network."""

import json
from io import BytesIO

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from models.encoders.base.towers import UnfitWeightsError
from models.network.frozen import WINDOWS, FrozenEncoder, NotFrozenError

pytestmark = pytest.mark.slow

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "tea", "lake", "walk", "quiet"]
DIGEST = "d" * 64


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """A tiny BERT as transformers saves one, with its tokeniser."""
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=16,
    )  # fmt: skip
    BertModel(config).eval().save_pretrained(folder)
    tokenizer = Tokenizer(WordPiece({word: place for place, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    marks = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=marks)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def loaded(folder, **fields):
    return FrozenEncoder.load(folder, DIGEST, "text", "text", {"max_tokens": 16, **fields})


def expected(folder, ids):
    from transformers import BertModel

    with torch.no_grad():
        mean = BertModel.from_pretrained(folder).eval()(torch.tensor([ids])).last_hidden_state[0].mean(dim=0)
    return (mean / mean.norm()).numpy()


def test_a_text_is_the_mean_of_its_tokens_whatever_stands_beside_it(bert):
    encoder = loaded(bert)
    alone, found = encoder(["quiet tea"]), encoder(["quiet tea", "a walk by the lake and tea", ""])
    assert np.allclose(alone[0], expected(bert, [2, 7, 4, 3]), atol=1e-5)
    assert np.allclose(found[0], alone[0], atol=1e-5)
    assert np.allclose(np.linalg.norm(found[:2], axis=1), 1, atol=1e-5)
    assert not found[2].any()


def test_a_long_text_is_read_to_its_end_in_windows(bert):
    encoder = loaded(bert)
    quiet, ends = " ".join(["lake"] * 40), " ".join(["lake"] * 40 + ["quiet"] * 10)
    assert np.abs(encoder([quiet]) - encoder([ends])).max() > 0.01
    endless = " ".join(["lake"] * 20 * WINDOWS)
    assert np.isfinite(encoder([endless])).all()


def test_what_vectors_depend_on_is_in_the_digest(bert):
    digests = {loaded(bert).digest, loaded(bert, max_tokens=12).digest}
    digests |= {FrozenEncoder.load(bert, "e" * 64, "text", "text", {"max_tokens": 16}).digest}
    assert len(digests) == 3
    assert loaded(bert).digest in digests


def test_a_picture_is_the_mean_over_a_convolutional_networks_last_map(tmp_path):
    torch.manual_seed(0)
    theirs = timm.create_model("test_efficientnet", num_classes=0).eval()
    save_file(theirs.state_dict(), tmp_path / "model.safetensors")
    config = {
        "architecture": "test_efficientnet",
        "num_classes": 0,
        "pretrained_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    encoder = FrozenEncoder.load(tmp_path, DIGEST, "image", "image", {"image_size": 64})
    pixels, buffer = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8), BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    found = encoder([buffer.getvalue(), b"broken"])
    with torch.no_grad():
        given = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1
        wanted = theirs.forward_features(given).mean(dim=(2, 3))[0].numpy()
    assert np.allclose(found[0], wanted, atol=1e-4)
    assert not found[1].any()
    assert encoder.width == theirs.num_features


def test_a_family_is_asked_for_what_it_looks_at(bert, tmp_path):
    with pytest.raises(NotFrozenError, match="text looks at text, not at a post's image"):
        FrozenEncoder.load(bert, DIGEST, "text", "image")
    with pytest.raises(UnfitWeightsError, match=r"config\.json is missing"):
        FrozenEncoder.load(tmp_path, DIGEST, "image", "image")
    with pytest.raises(UnfitWeightsError, match=r"max_tokens is 64; these weights read at most 16"):
        loaded(bert, max_tokens=64)
