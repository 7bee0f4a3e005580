import pytest
import torch
from transformers import XLMRobertaConfig, XLMRobertaModel

from models.encoders import ENCODERS
from models.encoders.base.encoder import Blueprint
from models.layers.packing import packed
from models.training.presets import preset_named

IDS = torch.tensor([[5, 6, 7, 8, 9], [6, 0, 0, 0, 0], [0, 0, 0, 0, 0], [9, 8, 7, 0, 0], [7, 5, 0, 0, 0]])
MASK = (IDS > 0).long()
PIECES = torch.arange(400).unsqueeze(1) % 300


def both(name, weights=None):
    """The same text module without and with packing, nothing dropped."""
    nothing = {"dropout": 0, "token_dropout": 0, "width": 32, "layers": 2, "heads": 2, "max_tokens": 8}
    found = []
    for packing in (False, True):
        torch.manual_seed(0)
        preset = preset_named(name, packing=packing, **nothing)
        blueprint = Blueprint(preset=preset, pieces=PIECES, modalities=("text",), weights=weights)
        found.append(ENCODERS[name].build(blueprint))
    return [tower.train() for tower in found]


def read(tower):
    return tower.read(IDS, MASK, None).hidden * MASK.unsqueeze(-1)


def test_posts_share_rows_and_none_is_split():
    rows = packed(MASK)
    assert rows.posts.tolist() == [[0, 0, 0, 0, 0], [3, 3, 3, 4, 4], [1, -1, -1, -1, -1]]
    assert rows.positions[1].tolist() == [0, 1, 2, 0, 1]
    assert rows.pack(IDS)[1].tolist() == [9, 8, 7, 7, 5]
    assert torch.equal(rows.unpack(rows.pack(IDS).unsqueeze(-1)).squeeze(-1), IDS)


def test_a_token_sees_its_own_post_alone():
    assert packed(MASK).mask[1, 0, 3].tolist() == [False, False, False, True, True]


def test_without_any_token_there_is_nothing_to_pack():
    assert packed(torch.zeros(2, 3, dtype=torch.long)) is None


@pytest.fixture(scope="module")
def roberta(tmp_path_factory):
    """The positions of its kind begin behind the number of its padding."""
    small = XLMRobertaConfig(
        vocab_size=400, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=16, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, pad_token_id=0,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("roberta")
    XLMRobertaModel(small).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("name", ["text", "text_transformer", "roberta"])
def test_packed_is_the_same_forward_and_backward(name, roberta):
    plain, tower = both("text", roberta) if name == "roberta" else both(name)
    assert torch.allclose(read(plain), read(tower), atol=1e-5)
    weighing = torch.randn(*IDS.shape, 32)
    for each in (plain, tower):
        (read(each) * weighing).sum().backward()
    for parameter, other in zip(plain.parameters(), tower.parameters(), strict=True):
        if parameter.grad is not None:
            assert torch.allclose(parameter.grad, other.grad, atol=1e-4)


def test_what_serves_is_not_packed():
    tower = both("text")[1].eval()
    assert tower.text.model.config._attn_implementation == "sdpa"
    padded = torch.cat([IDS, IDS * 0], dim=1)[:, :8]
    found = tower.read(padded, (padded > 0).long(), None).hidden[:, : IDS.shape[1]]
    assert torch.allclose(found[MASK > 0], read(tower)[MASK > 0], atol=1e-5)
