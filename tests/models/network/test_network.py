import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from models.bundle.export import random_batch
from models.data.tokenizer import padded
from models.domain.catalogue import UnknownEntryError
from models.domain.preset import PresetError, compact, transformer
from models.encoders import ENCODERS
from models.encoders.base.encoder import Blueprint
from models.layers.logistic_regression import Regression, solve
from models.layers.ngrams import HashedNgrams, hashed, words
from models.layers.wide import Part, weighed
from models.network.network import Network
from models.training.presets import preset_named

PRESET = compact().replace(ngram_bits=10, width=16)
PIECES = torch.randint(0, 40, (300, 8), generator=torch.Generator().manual_seed(0))


def network(**changes):
    torch.manual_seed(0)
    made = Network(PRESET.replace(**changes), 3, PIECES).eval()
    for name, table in made.ngrams.named_buffers() if made.ngrams else ():
        table.copy_(torch.rand(table.shape) < 0.5 if name == "starts" else torch.rand(table.shape))
    return made


def batch(made, posts=6, tokens=9, seed=0):
    drawn = random_batch(made, PRESET.image_size, np.random.default_rng(seed), posts, tokens)
    return {name: torch.from_numpy(array) for name, array in drawn.items()}


def test_a_transformer_tells_the_order_of_tokens():
    blueprint = Blueprint(preset=PRESET, pieces=PIECES, modalities=("text",))
    built = ENCODERS["text_transformer"].build(blueprint).eval()
    ids, mask = torch.tensor([[5, 6, 7], [7, 6, 5]]), torch.ones(2, 3, dtype=torch.int64)
    forwards, backwards = built.read(ids, mask, None).hidden
    assert not torch.allclose(forwards, backwards.flip(0), atol=1e-3)


def test_the_transformer_preset_has_about_five_million_parameters_that_read_text():
    network = Network(
        transformer().replace(modalities=("text",)), 12, torch.zeros(8000, 1, dtype=torch.int64)
    ).for_serving()
    assert sum(parameter.numel() for parameter in network.towers.parameters()) == pytest.approx(
        5.3e6, rel=0.02
    )


def test_text_and_image_both_move_the_logits():
    made = network()
    inputs = batch(made)
    assert not torch.allclose(
        made(**inputs)[0], made(**{**inputs, "pixels": -inputs["pixels"]})[0], atol=1e-5
    )
    assert not torch.allclose(
        made(**inputs)[0], made(**{**inputs, "input_ids": inputs["input_ids"] + 1})[0], atol=1e-5
    )


def test_hashes_tell_order_and_skip_what_is_cut_by_padding():
    codes, mask = torch.tensor([[5, 6, 0], [6, 5, 0]]), torch.tensor([[1, 1, 0], [1, 1, 0]]) > 0
    buckets, whole = hashed(codes, mask, order=2, bits=16)
    assert whole.tolist() == [[True, False, False]] * 2
    assert buckets[0, 0] != buckets[1, 0]
    assert int(buckets.max()) < 2**16


def test_a_word_is_the_same_wherever_it_stands_and_however_many_tokens_spell_it():
    starts = torch.tensor([False, False, True, True, False, False])
    ids = torch.tensor([[2, 4, 5, 3, 0], [3, 2, 4, 5, 0], [3, 2, 5, 4, 0]])
    codes, mask = words(ids, (ids > 0).long(), starts)
    assert mask.tolist() == [[True, True, False, False, False]] * 3
    long, short = codes[0, 0], codes[0, 1]
    assert codes[1, :2].tolist() == [short, long]
    assert codes[2, 0] == short
    assert codes[2, 1] != long  # its tokens are in another order


IDS = [[2, 3], [3, 4, 2], [4], [], [2, 2, 4], [3]]
STARTS, SPELLING = (
    np.array([False, False, True, True, False]),
    np.array([[0, 0]] * 2 + [[1, 2], [2, 3], [3, 0]]),
)
TARGETS = np.array([[1, 0], [0, np.nan], [0.3, np.nan], [1, np.nan], [1, 0], [0, 0]], dtype=np.float32)
PRIOR = np.array([0.0, -3.0], dtype=np.float32)


def regression():
    return Regression(IDS, SPELLING, STARTS, bits=12)


def test_the_network_computes_the_logits_that_the_regression_was_fitted_with():
    fitted, ngrams = regression(), HashedNgrams(vocabulary=5, policies=2, bits=12)
    known = fitted.texts
    found = solve(fitted.features.of(known), TARGETS[known, 0], np.ones(known.sum()), 0.0, 0.25)
    ngrams.load_state_dict(fitted.tables([found, np.zeros_like(found)]))
    ids, mask = map(torch.from_numpy, padded(IDS))
    logits = ngrams(ids, mask)[:, 0].numpy()
    assert logits[known] == pytest.approx(fitted.features.of(known).times(found[:-1]) + found[-1], abs=1e-2)
    assert logits[3] == pytest.approx(found[-1], abs=1e-5)  # without text, the intercept is left


def test_features_are_the_tf_idf_of_the_textbook():
    fitted = regression()
    assert fitted.squares[4] == pytest.approx((np.log(7 / 6) + 1) ** 2)  # n-gram 3 is in five of the six
    lengths = np.sqrt((fitted.features.words.toarray() ** 2).sum(axis=1))
    assert lengths[[0, 1, 2, 4, 5]] == pytest.approx([1.0] * 5, abs=1e-4)  # what stands first begins a word
    assert not lengths[3]


def test_regression_finds_the_minimum_that_a_textbook_solver_finds():
    fitted, weights = regression(), np.array([1.0, 2.0, 1.0, 0.5, 1.0])
    features, targets = fitted.features.of(fitted.texts), np.array([1.0, 0.0, 0.0, 1.0, 0.0])
    found = solve(features, targets, weights, prior=0.0, penalty=0.5)
    spelled = features.tokens @ features.spelling
    dense = np.column_stack([features.words.toarray(), spelled.toarray(), np.ones(5)])
    reference = LogisticRegression(C=2.0, fit_intercept=False, tol=1e-8).fit(dense, targets, weights)
    assert found == pytest.approx(reference.coef_[0], abs=1e-3)


def test_a_policy_without_a_violation_stays_finite_and_one_without_judgements_stays_at_its_prior():
    fitted = regression()
    part, none = Part(fitted.features.of(fitted.texts), (0.25,)), np.zeros(6, bool)
    zeros = np.zeros(5)
    (harmless,) = weighed([part], zeros, np.ones(5), 0.0, np.arange(5) % 2)
    (unjudged,) = weighed(
        [Part(fitted.features.of(none), (0.25,))], zeros[:0], zeros[:0], -3.0, np.zeros(0, int)
    )
    tables = fitted.tables([harmless, unjudged])
    assert all(torch.isfinite(table).all() for table in tables.values())
    assert -10 < float(tables["intercept"][0]) < 0
    assert float(tables["intercept"][1]) == -3.0
    assert not tables["table_0"][:, 1].any()


def test_an_encoder_may_lie_in_a_module_elsewhere():
    assert ENCODERS["flows.demo.wasteful"].name == "wasteful"
    with pytest.raises(UnknownEntryError, match=r"no encoder in nowhere\.at\.all"):
        _ = ENCODERS["nowhere.at.all"]


def test_fields_of_a_preset_are_changed_behind_its_name():
    changed = preset_named("compact,epochs=5, learning_rate=1e-3")
    assert (changed.epochs, changed.learning_rate, changed.name) == (5, 1e-3, "compact")


def test_modalities_are_joined_by_plus_and_a_mistake_names_the_choices():
    assert preset_named("compact,modalities=text+video").modalities == ("text", "video")
    with pytest.raises(PresetError, match="'text', 'image' or 'video'"):
        preset_named("compact,modalities=text+sound")


def test_what_a_post_lacks_is_silent_in_the_wide_half_and_what_a_preset_lacks_is_not_there():
    seeing, reading = (
        Network(PRESET, 3, PIECES, None, 4, 5).eval(),
        Network(PRESET, 3, PIECES, None, 4).eval(),
    )
    for made in (seeing, reading):
        made.probe.weight += 1
        made.probe.intercept += 1
    seeing.picture_probe.weight += 1
    has_text, has_picture = torch.tensor([1, 0, 0]), torch.tensor([0, 1, 0])
    inputs = {
        "input_ids": torch.ones(3, 5, dtype=torch.int64),
        "attention_mask": has_text[:, None].expand(-1, 5),
        "pixels": torch.zeros(1, 3, 64, 64),
        "image_index": has_picture - 1,
        "frame_index": torch.full((3, PRESET.frames), -1),
        "text_embedding": torch.ones(3, 4) * has_text[:, None],
        "picture_embedding": torch.ones(3, 5) * has_picture[:, None],
    }
    both, text_alone = seeing.halves(**inputs), reading.halves(**inputs)
    assert both.told.tolist() == [True, True, False]
    assert both.wide[:, 0].tolist() == pytest.approx([4 + 1, 5, 0])
    assert text_alone.told.tolist() == [True, False, False]
    assert text_alone.wide[0, 0] == pytest.approx(4 + 1)
    assert not [name for name in reading.state_dict() if name.startswith("picture_probe")]
