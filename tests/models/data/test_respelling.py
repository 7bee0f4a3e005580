"""Training sees some texts respelled: drawn anew in each pass, the same again after a kill, never in validation."""

import numpy as np
import pytest
from made_up_snapshot import Row, write_snapshot

from models.data.loader import SplitBatches
from models.data.respelling import SPELLINGS, respelled, some_respelled
from models.data.snapshot import SnapshotRows
from models.data.tokenizer import load_tokenizer, train_tokenizer
from models.training.preparation import _judged_texts
from models.training.presets import preset_named

TEXT = "you have won a free prize, call now"


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_spelling_is_another_text_of_the_same_seed(name):
    drawn = [SPELLINGS[name](TEXT, np.random.default_rng(seed)) for seed in (0, 0, 1, 2, 3)]
    assert drawn[0] == drawn[1]
    assert TEXT not in drawn
    assert SPELLINGS[name]("", np.random.default_rng(0)).strip() in {"", "*" * 4}


def test_about_the_share_that_was_asked_for_is_respelled_and_a_missing_text_stays_missing():
    texts = [TEXT, None] * 1000
    found = some_respelled(texts, 0.3, np.random.default_rng(0))
    changed = sum(now != before for now, before in zip(found, texts, strict=True))
    assert 200 < changed < 350
    assert found[1::2] == [None] * 1000
    assert some_respelled(texts, 0.0, np.random.default_rng(0)) == texts


def test_every_spelling_is_drawn():
    rng = np.random.default_rng(0)
    found = {respelled(TEXT, rng) for _ in range(500)}
    assert {TEXT.upper(), TEXT[::-1]} <= found


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("snapshot")
    made = [Row(f"{TEXT} {number}", None, (float(number % 2),)) for number in range(300)]
    return SnapshotRows.open(write_snapshot(folder, made, ["fraud_and_spam"]))


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    train_tokenizer([TEXT] * 5, 300).save(str(path))
    return load_tokenizer(path, 128)


def preset(**changes):
    return preset_named(
        "compact", batch_size=16, block_rows=64, modalities=("text",), ngram_bits=8, **changes
    )


def read(batches):
    return [batch.input_ids.tolist() for batch in batches]


def test_each_pass_draws_others_and_a_resumed_one_the_same(rows, tokenizer):
    batches = SplitBatches(rows, "train", tokenizer, preset(respell=0.5), seed=0)
    first = read(batches)
    batches.finished(len(batches))
    assert read(batches) != first
    resumed = SplitBatches(rows, "train", tokenizer, preset(respell=0.5), seed=0)
    resumed.load_state_dict({"epoch": 0, "done": 5})
    assert read(resumed) == first[5:]
    other = SplitBatches(rows, "train", tokenizer, preset(respell=0.5), seed=1)
    assert read(other) != first


def test_validation_sees_texts_as_they_were_written(rows, tokenizer):
    spelled, plain = (
        read(SplitBatches(rows, "validation", tokenizer, preset(respell=share), seed=0))
        for share in (0.9, 0.0)
    )
    assert spelled == plain


def test_ngrams_are_learned_from_texts_and_respelled_copies_beside_them(rows):
    plain, both = (_judged_texts(rows, preset(respell=share)) for share in (0.0, 0.5))
    assert len(plain.texts) == 210
    assert 270 < len(both.texts) == len(both.targets) == len(both.weights) == len(both.fold) < 360
    assert all(text in both.texts for text in plain.texts)
    assert abs(both.targets.mean() - plain.targets.mean()) < 0.1


def test_presets_that_were_measured_respell_and_the_others_do_not():
    assert preset_named("compact").respell > 0
    assert preset_named("trial").respell == preset_named("clip").respell == 0
