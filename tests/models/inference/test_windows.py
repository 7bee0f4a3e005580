"""Long texts are read in windows, the strongest of which decides; what no window shows is said."""

import json

import numpy as np
import pytest
from tiny_model import POLICIES, picture, write_model

from models.data.pixels import shown
from models.data.tokenizer import Windows
from models.domain.preprocessing import FIRST
from models.inference.scorer import BATCH_PIXELS, BATCH_POSTS, Scorer, _batches

WINDOW, STEP, MOST = 32, 24, 4  # tokens, and windows of the tiny model
WORDS = [f"plain{number % 8}" for number in range(500)]
VIOLENCE = POLICIES.index("violence")


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    return Scorer.load(write_model(tmp_path_factory.mktemp("tiny") / "model"), threads=1)


def said(*words):
    return " ".join(words)


def read(scorer, text, image=None):
    found = scorer.read([text], [image])
    return found.logits[0], [(item.part, item.reason) for item in found.unread[0]]


@pytest.mark.parametrize("image", [None, picture(250)])
def test_a_long_text_scores_as_its_strongest_window_does(scorer, image):
    words = [*WORDS[:40], "violence", *WORDS[:15]]
    first, second = words[:WINDOW], words[STEP : STEP + WINDOW]
    apart = np.maximum(read(scorer, said(*first), image)[0], read(scorer, said(*second), image)[0])
    together, unread = read(scorer, said(*words), image)
    assert together == pytest.approx(apart, abs=1e-5)
    assert unread == []


@pytest.mark.parametrize("place", ["before", "behind"])
def test_padding_does_not_hide_a_violation(scorer, place):
    nothing, _ = read(scorer, None)
    weight = {word: abs(read(scorer, word)[0] - nothing)[VIOLENCE] for word in WORDS[:8]}
    padding = [min(weight, key=weight.get)] * 2000
    words = ["violence", *padding] if place == "before" else [*padding, "violence"]
    harmless, _ = read(scorer, said(*padding))
    score, unread = read(scorer, said(*words))
    assert score[VIOLENCE] > harmless[VIOLENCE] + 3
    assert unread == [("text", "beyond_limit")]


def test_a_text_longer_than_a_window_is_read_together_as_far_as_training_saw_it_and_in_parts(tmp_path):
    preset = {"name": "trial", "window": 8, "windows": 4}
    finer = Scorer.load(write_model(tmp_path / "finer", preset=preset), threads=1)
    words = WORDS[:14]  # two windows of eight, the second of which begins with the last two of the first
    each = [read(finer, said(*part))[0] for part in (words[:8], words[6:])]
    whole = finer.session.run(["logits"], next(finer.feeds([said(*words)], [None]))[1])[0]
    assert len(whole) == 3
    assert read(finer, said(*words))[0] == pytest.approx(
        np.maximum(whole.max(axis=0), np.max(each, axis=0)), abs=1e-5
    )
    assert len(finer.session.run(["logits"], next(finer.feeds([said(*words[:8])], [None]))[1])[0]) == 1


def test_what_no_window_shows_is_said_and_only_that(scorer):
    whole = WINDOW + STEP * (MOST - 1)
    assert read(scorer, said(*WORDS[:whole]))[1] == []
    assert read(scorer, said(*WORDS[: whole + 1]))[1] == [("text", "beyond_limit")]
    ((unread,),) = scorer.read([said(*WORDS)], [None]).unread
    assert unread.detail == (
        "about 19% of a long text was read, most of it from its beginning and some from its end"
    )


def test_space_and_signs_that_draw_nothing_are_not_read_and_not_missed(scorer):
    short, _ = read(scorer, "violence")
    for padding in ("\n" * 20_000, " " * 40_000, "\u200b" * 40_000):
        score, unread = read(scorer, f"{padding}violence")
        assert score == pytest.approx(short)
        assert unread == []


def test_the_windows_of_a_post_share_its_picture(scorer):
    ((posts, feed),) = scorer.feeds([said(*WORDS[:100]), None], [picture(9), picture(200)])
    assert sorted(posts.tolist()) == [0, 0, 0, 0, 1]
    assert feed["pixels"].shape[0] == 2
    assert [feed["image_index"][posts == post].tolist() for post in (0, 1)] == [[0] * 4, [1]]


def test_a_picture_is_opened_once_however_many_windows_look_at_it(tmp_path, monkeypatch):
    preset = {"name": "trial", "window": 8, "windows": 64}
    many = Scorer.load(write_model(tmp_path / "many", preset=preset), threads=1)
    opened = []
    monkeypatch.setattr(
        "models.inference.scorer.shown", lambda *given, **how: opened.append(1) or shown(*given, **how)
    )
    batches = list(many.feeds([said(*WORDS)], [picture(9)]))
    assert [feed["pixels"].shape[0] for _, feed in batches] == [1, 1, 1]
    assert opened == [1]


def test_posts_score_together_as_each_does_alone(scorer):
    texts = [said(*WORDS[:length], "violence") for length in (0, 5, 31, 32, 60, 200, 400)] + [None, ""]
    images = [picture(9) if row % 2 else None for row in range(len(texts))]
    together = scorer.logits(texts, images)
    alone = [scorer.logits([text], [image])[0] for text, image in zip(texts, images, strict=True)]
    assert together == pytest.approx(np.array(alone), abs=1e-5)


def test_a_part_that_cannot_be_opened_or_is_not_looked_at_is_said(scorer, tmp_path):
    assert read(scorer, "plain1", b"no picture")[1] == [("image", "unreadable")]
    found = scorer.read(["plain1", None], [None, picture(9)], [b"moving", None])
    assert [[(item.part, item.reason) for item in items] for items in found.unread] == [
        [("video", "not_seen")], [],
    ]  # fmt: skip
    preset = {"name": "trial", "modalities": ["image"]}
    blind = Scorer.load(write_model(tmp_path / "blind", preset=preset), threads=1)
    assert read(blind, "plain1", picture(9))[1] == [("text", "not_seen")]


def test_a_model_of_before_reads_as_it_was_trained(tmp_path):
    folder = write_model(tmp_path / "old")
    about = json.loads((folder / "model.json").read_text())
    del about["preprocessing"], about["preset"]["windows"]
    (folder / "model.json").write_text(json.dumps(about))
    old = Scorer.load(folder, threads=1)
    assert old.about.preprocessing == FIRST
    first, _ = read(old, said(*WORDS[:WINDOW]))
    later, unread = read(old, said(*WORDS[:WINDOW], "violence"))
    assert later.tolist() == first.tolist()
    assert unread == [("text", "beyond_limit")]
    split, _ = read(old, "vio\u200blence")
    assert split[VIOLENCE] < read(old, "violence")[0][VIOLENCE] - 3


def test_a_batch_holds_no_more_pixels_than_it_may_and_every_window_once():
    count, size = 40, 128
    text = Windows([[1]] * count, np.arange(count), ["a"] * count, {})
    films = [np.zeros((32, 3, size, size), np.float32) if post % 4 == 0 else None for post in range(count)]
    batches = list(_batches(text, [None] * count, films))
    watched = [[post for post in batch.tolist() if films[post] is not None] for batch in batches]
    assert max(map(len, watched)) * 32 * size * size <= BATCH_PIXELS
    assert max(map(len, batches)) <= BATCH_POSTS
    assert sorted(np.concatenate(batches).tolist()) == list(range(count))


def test_a_film_beside_a_long_text_is_computed_once_a_batch_and_counts_once():
    windows = 2 * BATCH_POSTS
    text = Windows([[1]] * windows, np.zeros(windows, np.int64), ["a"] * windows, {})
    assert len(list(_batches(text, [None], [np.zeros((32, 3, 224, 224), np.float32)]))) == 2
