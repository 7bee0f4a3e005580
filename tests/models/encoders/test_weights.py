"""Weights that a family's own library saved give the library's own numbers."""

import json

import pytest
import torch
from safetensors.torch import save_file

from models.encoders import ENCODERS
from models.encoders.adapters.open_clip import clip_tokenizer, towers_of
from models.encoders.base.encoder import Blueprint
from models.encoders.base.towers import UnfitWeightsError
from models.network.network import Network, weights_of
from models.process.meta_device import shapes_alone

pytestmark = pytest.mark.slow

VOCABULARY, SIZE = 300, 32
PIECES = torch.ones(VOCABULARY, 1, dtype=torch.int64)
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture
def texts():
    """Token ids with an end mark that is the highest number, padded with zeros, and their mask."""
    ids = torch.randint(1, VOCABULARY - 1, (4, 12))
    lengths = torch.tensor([12, 7, 3, 9])
    ids[torch.arange(4), lengths - 1] = VOCABULARY - 1
    mask = (torch.arange(12) < lengths[:, None]).long()
    return ids * mask, mask


@pytest.fixture
def pixels():
    return torch.rand(4, 3, SIZE, SIZE) * 2 - 1


def preset(name, **changes):
    fields = {"image_size": SIZE, "width": 32, "layers": 2, "max_tokens": 16}
    return ENCODERS[name].preset().replace(**(fields | changes))


def tower(name, folder, *, writes=False, **changes):
    modalities = ENCODERS[name].modalities
    blueprint = Blueprint(
        preset=preset(name, **changes), pieces=PIECES, modalities=modalities, weights=folder, writes=writes
    )
    built = ENCODERS[name].build(blueprint).eval()
    with shapes_alone():  # as a process builds it that gets its share of another's
        assert shapes(ENCODERS[name].build(blueprint)) == shapes(built)
    return built


def shapes(network):
    """Of weights and buffers by name, and of which are trained."""
    tensors = [*network.named_parameters(), *network.named_buffers()]
    return {name: (tensor.shape, tensor.dtype, tensor.requires_grad) for name, tensor in tensors}


def saved_open_clip(folder, small):
    """A folder as open_clip writes it, and the network in it."""
    import open_clip
    from open_clip.model import CustomTextCLIP

    model = (open_clip.CoCa if "multimodal_cfg" in small else CustomTextCLIP)(**small).eval()
    if "multimodal_cfg" in small:  # the library leaves it as memory happens to be
        torch.nn.init.normal_(model.text_decoder.text_projection, std=0.1)
    config = {"model_cfg": small | {"custom_text": True}, "preprocess_cfg": {"mean": [0.4, 0.5, 0.6]}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return model


def scaled(pixels, mean, std):
    return ((pixels + 1) / 2 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)


CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@pytest.mark.parametrize("quick_gelu", [False, True])
def test_clip_is_open_clip(tmp_path, texts, pixels, quick_gelu):
    small = towers_of(preset("clip"), VOCABULARY) | {"quick_gelu": quick_gelu}
    theirs, ours = saved_open_clip(tmp_path, small), tower("clip", tmp_path)
    padded = torch.nn.functional.pad(texts[0], (0, 4))
    seen = ours.see(pixels).embedding
    read = ours.read(*texts, None).embedding
    expected = scaled(pixels, (0.4, 0.5, 0.6), CLIP_STD)
    assert torch.allclose(seen, theirs.encode_image(expected, normalize=True), **CLOSE)
    assert torch.allclose(read, theirs.encode_text(padded, normalize=True), **CLOSE)
    logits = ours.logit_scale.exp() * seen @ read.T
    assert torch.allclose(logits, theirs.get_logits(expected, padded)[0], atol=1e-4)


def test_coca_is_open_clip_and_its_decoder_reads_the_picture(tmp_path, texts, pixels):
    from models.encoders.coca import small_config

    blueprint = Blueprint(preset=preset("coca"), pieces=PIECES, modalities=("text", "image"))
    theirs, ours = saved_open_clip(tmp_path, small_config(blueprint)), tower("coca", tmp_path, writes=True)
    padded = torch.nn.functional.pad(texts[0], (0, 5))
    expected = theirs(scaled(pixels, (0.4, 0.5, 0.6), CLIP_STD), padded, output_labels=False)
    seen = ours.see(pixels)
    read = ours.read(*texts, seen)
    assert torch.allclose(seen.embedding, expected["image_features"], **CLOSE)
    assert torch.allclose(read.embedding, expected["text_features"], **CLOSE)
    there = texts[1] > 0
    assert torch.equal(ours.write(*texts, seen), read.hidden @ ours.decoder.text_projection)
    assert torch.allclose(ours.write(*texts, seen)[there], expected["logits"][:, :12][there], **CLOSE)


@pytest.mark.parametrize(("name", "architecture"), [("vit_g", "test_vit"), ("eva", "eva02_tiny_patch14_224")])
def test_image_towers_are_timm(tmp_path, pixels, name, architecture):
    import timm
    from timm.models import save_for_hf

    fields = {"img_size": SIZE} | ({"depth": 2} if name == "eva" else {})
    theirs = timm.create_model(architecture, num_classes=0, **fields).eval()
    save_for_hf(theirs, tmp_path, model_config={"model_args": fields}, safe_serialization=True)
    ours = tower(name, tmp_path)
    about = theirs.pretrained_cfg
    expected = theirs.forward_features(scaled(pixels, about["mean"], about["std"]))
    assert torch.allclose(ours.see(pixels).hidden, expected, **CLOSE)


def test_text_is_transformers(tmp_path, texts):
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=16,
    )  # fmt: skip
    theirs = BertModel(config).eval()
    theirs.save_pretrained(tmp_path)
    ids, mask = texts
    found = tower("text", tmp_path).read(ids, mask, None).hidden[mask > 0]
    expected = theirs(input_ids=ids, attention_mask=mask).last_hidden_state[mask > 0]
    assert torch.allclose(found, expected, **CLOSE)


def test_albef_sees_with_the_vit_and_reads_with_the_lower_half_of_the_bert(tmp_path, texts, pixels):
    from transformers import BertConfig, BertModel, ViTConfig, ViTModel

    sizes = {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64}
    vision = ViTModel(ViTConfig(**sizes, num_hidden_layers=2, image_size=SIZE, patch_size=8)).eval()
    bert = BertConfig(**sizes, vocab_size=VOCABULARY, num_hidden_layers=4, max_position_embeddings=16)
    text = BertModel(bert).eval()
    vision.save_pretrained(tmp_path / "vision")
    text.save_pretrained(tmp_path / "text")
    ours, (ids, mask) = tower("albef", tmp_path), texts
    assert torch.allclose(ours.see(pixels).hidden, vision(pixels).last_hidden_state, **CLOSE)
    expected = text(input_ids=ids, attention_mask=mask).last_hidden_state[mask > 0]
    assert torch.allclose(ours.read(ids, mask, None).hidden[mask > 0], expected, **CLOSE)


def test_blip_is_transformers_alone_and_with_the_picture(tmp_path, texts, pixels):
    from transformers import BlipForImageTextRetrieval

    from models.encoders.blip import MEAN, STD, small_config

    blueprint = Blueprint(preset=preset("blip"), pieces=PIECES, modalities=("text", "image"))
    theirs = BlipForImageTextRetrieval(small_config(blueprint)).eval()
    theirs.save_pretrained(tmp_path)
    ours, (ids, mask) = tower("blip", tmp_path), texts
    seen = ours.see(pixels)
    expected = theirs(
        input_ids=ids, attention_mask=mask, pixel_values=scaled(pixels, MEAN, STD), use_itm_head=False
    ).itm_score
    assert torch.allclose(seen.embedding @ ours.read(ids, mask, None).embedding.T, expected, **CLOSE)
    matched = theirs(input_ids=ids, attention_mask=mask, pixel_values=scaled(pixels, MEAN, STD)).itm_score
    found = theirs.itm_head(ours.read(ids, mask, seen).hidden[:, 0])
    assert torch.allclose(found, matched, **CLOSE)


def test_blip_writes_as_transformers_and_reads_with_the_writer_of_a_folder_for_captions(
    tmp_path, texts, pixels
):
    from transformers import BlipForConditionalGeneration

    from models.encoders.blip import MEAN, STD, small_config

    blueprint = Blueprint(preset=preset("blip"), pieces=PIECES, modalities=("text", "image"))
    theirs = BlipForConditionalGeneration(small_config(blueprint)).eval()
    torch.nn.init.normal_(theirs.text_decoder.cls.predictions.bias)
    theirs.save_pretrained(tmp_path)
    ours, (ids, mask) = tower("blip", tmp_path, writes=True), texts
    found = ours.write(ids, mask, ours.see(pixels))
    expected = theirs(scaled(pixels, MEAN, STD), ids, mask).logits
    assert torch.allclose(found[mask > 0], expected[mask > 0], **CLOSE)
    assert ours.start == theirs.config.text_config.bos_token_id
    bert = theirs.text_decoder.bert(input_ids=ids, attention_mask=mask).last_hidden_state
    assert torch.allclose(ours.read(ids, mask, None).hidden[mask > 0], bert[mask > 0], **CLOSE)


@pytest.mark.parametrize("tied", [False, True])
def test_flamingo_is_transformers_idefics(tmp_path, texts, pixels, tied):
    from transformers import IdeficsConfig, IdeficsForVisionText2Text

    from models.encoders.flamingo import MEAN, STD, small_config

    blueprint = Blueprint(preset=preset("flamingo"), pieces=PIECES, modalities=("text", "image"))
    config = small_config(blueprint) | {"additional_vocab_size": 2, "tie_word_embeddings": tied}
    theirs = IdeficsForVisionText2Text(IdeficsConfig(**config)).eval()
    for layer in theirs.model.gated_cross_attn_layers:
        layer.config = 0.0
    theirs.save_pretrained(tmp_path)
    ours, (ids, mask) = tower("flamingo", tmp_path, writes=True), texts
    found = ours.write(ids, mask, ours.see(pixels))
    expected = theirs(
        input_ids=ids,
        attention_mask=mask,
        pixel_values=scaled(pixels, MEAN, STD).unsqueeze(1),
        image_attention_mask=torch.ones(4, 12, 1, dtype=torch.int64),
        use_cache=False,
    ).logits
    assert torch.allclose(found[mask > 0], expected[mask > 0], **CLOSE)


def test_the_tokeniser_of_clip_is_open_clips():
    from open_clip import tokenize

    texts = ["A photo of a cat!", "l'été  dure\nlongtemps 2 jours", "🙂 naïve fish", "don't stop"]
    ours = clip_tokenizer()
    ours.enable_truncation(77)
    for text, theirs in zip(texts, tokenize(texts), strict=True):
        assert ours.encode(text).ids == theirs[theirs > 0].tolist()


@pytest.mark.parametrize("name", ["clip", "vit_g", "text", "albef", "blip", "flamingo"])
def test_a_folder_without_weights_says_what_it_lacks(tmp_path, name):
    with pytest.raises(UnfitWeightsError, match=r"holds no weights of .*: .*config\.json is missing"):
        tower(name, tmp_path)


@pytest.mark.parametrize(
    ("name", "config", "told"),
    [
        ("image", '{"model_type": "bert", "vocab_size": 9}', "names no architecture"),
        ("text", '{"architecture": "resnet18"}', "holds weights of timm, which see pictures"),
        ("text", "{", "is no JSON"),
        ("image", "[]", "holds no object"),
    ],
)
def test_weights_of_another_library_are_told_in_a_line(tmp_path, name, config, told):
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(UnfitWeightsError, match=told):
        tower(name, tmp_path)


BERT = '{"model_type": "bert", "vocab_size": 300, "hidden_size": 32, "num_attention_heads": 2}'


@pytest.mark.parametrize(
    ("name", "files", "library"),
    [
        ("text", {"config.json": '{"vocab_size": 5}'}, "transformers"),
        ("text", {"config.json": '{"model_type": "bert", "hidden_size": "wide"}'}, "transformers"),
        ("text", {"config.json": BERT, "model.safetensors": "damaged"}, "transformers"),
        ("blip", {"config.json": '{"model_type": "blip"}', "model.safetensors": "damaged"}, "transformers"),
        ("image", {"config.json": '{"architecture": "resnet0"}'}, "timm"),
        (
            "image",
            {"config.json": '{"architecture": "test_resnet"}', "model.safetensors": "damaged"},
            "timm",
        ),
        ("clip", {"open_clip_config.json": "{"}, "open_clip"),
    ],
)
def test_a_folder_that_its_library_cannot_load_is_told_with_where_it_is_and_what_next(
    tmp_path, name, files, library
):
    for file, text in files.items():
        (tmp_path / file).write_text(text)
    with pytest.raises(
        UnfitWeightsError, match=rf"^{library} cannot load {tmp_path}: \w+: .*; fetch it anew"
    ):
        tower(name, tmp_path)


@pytest.mark.parametrize("name", ["text", "clip"])
def test_a_damaged_tokeniser_is_told_with_its_file(tmp_path, name):
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(UnfitWeightsError, match=rf"^{tmp_path}/tokenizer\.json is no tokeniser"):
        ENCODERS[name].tokenizer(tmp_path)


@pytest.mark.parametrize("architecture", ["test_efficientnet", "test_resnet", "test_vit", "test_convnext"])
def test_any_network_of_timm_sees_pictures_in_tokens(tmp_path, pixels, architecture):
    import timm

    theirs = timm.create_model(
        architecture, num_classes=0, **({"img_size": SIZE} if "vit" in architecture else {})
    )
    save_file(theirs.eval().state_dict(), tmp_path / "model.safetensors")
    about = {
        "architecture": architecture,
        "num_classes": 0,
        "pretrained_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3},
    }
    (tmp_path / "config.json").write_text(json.dumps(about))
    ours = tower("image", tmp_path)
    found, expected = ours.see(pixels).hidden, theirs.forward_features(pixels)
    if expected.ndim == 4:
        expected = expected.flatten(2).transpose(1, 2)
    assert found.shape[2] == ours.image_width
    assert torch.allclose(found, expected, **CLOSE)


def test_a_network_that_reads_less_than_is_asked_says_so(tmp_path):
    saved_open_clip(tmp_path, towers_of(preset("clip"), VOCABULARY))
    with pytest.raises(UnfitWeightsError, match="max_tokens is 40; these weights read at most 16"):
        tower("clip", tmp_path, max_tokens=40)


def test_an_unknown_architecture_says_where_the_names_are():
    with pytest.raises(UnfitWeightsError, match="timm has no architecture 'vit_enormous'"):
        tower("vit_g", None, architecture="vit_enormous")
    with pytest.raises(UnfitWeightsError, match="open_clip has no architecture"):
        tower("clip", None, architecture="ViT-Enormous")


def test_weights_of_several_families_lie_in_folders_of_their_names(tmp_path):
    (tmp_path / "eva").mkdir()
    assert weights_of(tmp_path, "eva") == tmp_path / "eva"
    assert weights_of(tmp_path, "text") is None
    assert weights_of(tmp_path / "eva", "eva") == tmp_path / "eva"


def test_a_network_begins_from_the_weights_of_its_families(tmp_path, pixels):
    saved_open_clip(tmp_path, towers_of(preset("clip"), VOCABULARY))
    networks = [Network(preset("clip"), 3, PIECES, tmp_path) for _ in range(2)]
    first, second = (network.towers.state_dict() for network in networks)
    assert all(torch.equal(first[name], second[name]) for name in first)
