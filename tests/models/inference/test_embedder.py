"""A frozen encoder beside the network, from a small one of transformers' that is made here."""

import lance
import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, processors
from tokenizers.models import WordPiece
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import BertPreTokenizer
from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel

from models.bundle.embedder import Embedders, export_embedder
from models.data.embeddings import Embeddings
from models.data.snapshot import SnapshotRows
from models.domain.preset import PresetError
from models.encoders.base.towers import UnfitWeightsError
from models.encoders.text import ENCODER
from models.inference.embedder import Embedder, has_embedder
from models.inference.scorer import Scorer
from models.training.fit import fit
from models.training.preparation import prepare
from models.training.presets import job_on, preset_named
from tests.support.made_up_snapshot import made_up_rows, write_snapshot

WORDS = ["quiet", "walk", "by", "the", "lake", "with", "tea", "glimm", "##er", "vren", "##k"]
TEXTS = ["the quiet lake", None, "", "glimmer by the lake " * 40, "vrenk"]


def write_weights(folder, configuration=BertConfig, model=BertModel):
    """A BERT of three layers, or a model of its kind, with its tokeniser, as `save_pretrained` leaves it."""
    vocabulary = {word: place for place, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = Lowercase(), BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    torch.manual_seed(0)
    config = configuration(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    model(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def embedder(weights, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    export_embedder("text", weights, folder)
    return Embedder.load(folder)


def test_what_is_exported_computes_what_the_network_computes(weights, embedder):
    made = ENCODER.embeds(weights)
    ids = torch.tensor([made.tokenizer.encode("the quiet lake").ids])
    with torch.no_grad():
        expected = made.network(ids, torch.ones_like(ids)).numpy()
    assert embedder(["the quiet lake"]) == pytest.approx(expected, abs=1e-5)
    assert embedder.width == 3 * 32


def test_a_text_is_embedded_the_same_beside_any_others_and_a_missing_one_is_zeros(embedder):
    together = embedder(TEXTS)
    assert not together[1:3].any()
    for row in (0, 3, 4):
        assert embedder([TEXTS[row]])[0] == pytest.approx(together[row], abs=1e-5)


def test_a_text_beyond_the_encoders_positions_is_read_as_far_as_they_go(embedder, tmp_path):
    assert embedder(["lake " * 62])[0] == pytest.approx(embedder(["lake " * 500])[0], abs=1e-5)
    counted = write_weights(
        tmp_path / "counted", RobertaConfig, RobertaModel
    )  # which counts from behind padding
    export_embedder("text", counted, tmp_path / "exported")
    of_its_kind = Embedder.load(tmp_path / "exported")
    assert of_its_kind(["lake " * 60])[0] == pytest.approx(of_its_kind(["lake " * 500])[0], abs=1e-5)


def test_a_family_that_embeds_no_texts_and_one_without_weights_are_told(weights, tmp_path):
    with pytest.raises(UnfitWeightsError, match="embeds no texts; choose from text"):
        export_embedder("compact", weights, tmp_path / "none")
    with pytest.raises(UnfitWeightsError, match="needs weights"):
        export_embedder("text", None, tmp_path / "none")
    assert not has_embedder(tmp_path / "none")


@pytest.mark.parametrize(
    "changes", ["modalities=image,embedder=text", "modalities=text,embedder=image", "embedder=text+text"]
)
def test_an_embedder_that_a_preset_has_no_use_for_is_told(changes):
    with pytest.raises(PresetError, match="name one family that embeds texts where it reads"):
        Embedders.of(preset_named(f"compact,{changes}"))


def test_of_two_embedders_that_one_is_used_for_which_there_is_something():
    assert Embedders.of(preset_named("compact,embedder=text+image")) == ("text", "image")
    assert Embedders.of(preset_named("compact,modalities=video,embedder=text+image")) == (None, "image")
    assert Embedders.of(preset_named("compact")) == (None, None)


@pytest.mark.slow
def test_a_model_with_a_frozen_encoder_is_trained_and_served_and_goes_by_it(weights, tmp_path):
    uri = write_snapshot(tmp_path, made_up_rows(400))
    preset = "trial,embedder=text,ngram_bits=0"
    trained = fit(job_on(uri, preset=preset, seed=0, folder=tmp_path / "run", weights=weights))
    mixed = trained.metrics["validation/macro_average_precision"]
    assert all(mixed > trained.metrics[f"validation/parts/{half}"] - 0.05 for half in ("deep", "wide"))
    scorer = Scorer.load(trained.model)
    assert scorer.embedder is not None
    texts = ["quiet walk by the lake", "vrenk walk by the lake", None]
    found = scorer.logits(texts, [None] * 3)
    assert (
        found[1, 1] > found[0, 1] + 0.5
    )  # the embedding alone tells what is profane, as there are no n-grams
    assert np.isfinite(found).all()
    long = scorer.logits(["quiet walk by the lake " * 100 + " vrenk vrenk"], [None])
    assert long[0, 1] > found[0, 1]


@pytest.mark.slow
def test_what_was_embedded_once_is_kept_for_the_next_training(weights, tmp_path):
    uri = write_snapshot(tmp_path, made_up_rows(200))
    preset = preset_named("trial,embedder=text")
    kept = Embeddings(str(tmp_path / "embeddings"))
    first, second = (
        prepare(SnapshotRows.open(uri), preset, made, weights, kept)
        for made in (tmp_path / "one", tmp_path / "two")
        if not made.mkdir()
    )
    (table,) = (tmp_path / "embeddings").iterdir()
    held = lance.dataset(str(table))
    assert held.version == 2  # one write for the training split's texts, and one for the validation split's
    assert 100 < held.count_rows() <= 200
    assert all(torch.equal(first.statistics[name], tensor) for name, tensor in second.statistics.items())
