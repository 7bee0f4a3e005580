"""Training sees some texts changed: drawn anew in each pass, the same again after a kill, never in validation."""

import numpy as np
import pytest
from made_up_snapshot import Row, write_snapshot

from models.data.augmentation import augmented
from models.data.loader import SplitBatches
from models.data.respelling import respelled, some_respelled, trained
from models.data.snapshot import SnapshotRows
from models.data.tokenizer import encode, load_tokenizer, train_tokenizer
from models.data.words import Words
from models.perturbations.base.perturbation import TRAINED
from models.training.linear_parts import judged_texts
from models.training.preparation import prepare
from models.training.presets import preset_named

TEXT = "you have won a free prize, call now"


def test_training_draws_from_every_family_that_no_test_holds_out_and_from_no_other():
    families = trained()
    assert {perturbation.family for family in families for perturbation in family} == TRAINED
    assert [len({perturbation.family for perturbation in family}) for family in families] == [1] * len(
        TRAINED
    )


def test_about_the_share_that_was_asked_for_is_respelled_and_a_missing_text_stays_missing():
    texts = [TEXT, None] * 1000
    found = some_respelled(texts, 0.3, np.random.default_rng(0))
    changed = sum(now != before for now, before in zip(found, texts, strict=True))
    assert 200 < changed < 350
    assert found[1::2] == [None] * 1000
    assert some_respelled(texts, 0.0, np.random.default_rng(0)) == texts


def test_every_spelling_is_drawn():
    rng, families = np.random.default_rng(0), trained()
    found = {respelled(TEXT, rng, families) for _ in range(500)}
    assert {TEXT.upper(), TEXT[::-1], "-".join("free")} & found == {TEXT.upper(), TEXT[::-1]}
    assert any("f-r-e-e" in text for text in found)


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
        read(SplitBatches(rows, "validation", tokenizer, preset(respell=share, negate=share), seed=0))
        for share in (0.9, 0.0)
    )
    assert spelled == plain


def test_ngrams_are_learned_from_texts_and_respelled_copies_beside_them(rows):
    plain, both = (judged_texts(rows, preset(respell=share)) for share in (0.0, 0.5))
    assert len(plain.texts) == 210
    assert 270 < len(both.texts) == len(both.targets) == len(both.weights) == len(both.fold) < 360
    assert all(text in both.texts for text in plain.texts)
    assert abs(both.targets.mean() - plain.targets.mean()) < 0.1


def test_training_and_validation_read_disguised_words_as_the_known_ones(rows, tokenizer):
    words = Words({"prize": 9, **dict.fromkeys(["you", "have", "won", "a", "free", "call", "now"], 9)})
    for split in ("train", "validation"):
        plain, known = (
            read(SplitBatches(rows, split, tokenizer, preset(respell=0.0), seed=0, words=found))
            for found in (None, words)
        )
        assert known == plain
    spelled, known = (
        sum(map(len, encode(tokenizer, judged_texts(rows, preset(respell=0.9), found).texts)))
        for found in (None, words)
    )
    assert known < spelled  # letters apart, digits and signs are many tokens


def test_words_are_learned_where_a_preset_asks_for_them_and_found_again(rows, tmp_path):
    for name in ("none", "some"):
        (tmp_path / name).mkdir()
    assert prepare(rows, preset(unmask=False), tmp_path / "none").words is None
    for _ in range(2):
        words = prepare(rows, preset(vocabulary=300), tmp_path / "some").words
        assert set(words.counts) == {"you", "have", "won", "a", "free", "prize", "call", "now"}


def test_what_is_denied_is_harmless_and_about_the_share_that_was_asked_for():
    texts = [f"{TEXT} {number}" for number in range(400)]
    labels = np.array([[float(number % 2)] for number in range(400)], np.float32)
    found = augmented(texts, labels, preset(respell=0.0, negate=0.5), np.random.default_rng(0))
    denied = [row for row, text in enumerate(found) if "have not" in text]
    assert 70 < len(denied) < 130
    assert (labels[denied] == 0).all()


def test_presets_that_were_measured_change_texts_and_the_others_do_not():
    assert preset_named("compact").respell > 0
    assert preset_named("compact").unmask
    for name in ("trial", "clip"):
        found = preset_named(name)
        assert found.respell == found.swap_groups == found.negate == found.unmask == 0


def test_nobody_is_said_to_be_harmless_whom_nobody_judged():
    labels = np.array([[np.nan], [0.0], [1.0]], np.float32)
    texts = ["it is so"] * 3
    found = augmented(texts, labels, preset(respell=0.0, negate=1.0), np.random.default_rng(0))
    assert found == ["it is so", "it is not so", "it is so"]
