"""What is found before training of what frozen encoders say, on embeddings that are made up here."""

import numpy as np
import pytest
import torch

from models.data.snapshot import SnapshotRows
from models.layers.embedding_probe import blocks_of
from models.network.network import Network
from models.training.linear_parts import JudgedTexts, judged_texts, linear_parts
from models.training.presets import preset_named
from tests.support.made_up_snapshot import made_up_rows, write_snapshot

PRESET = preset_named("compact,ngram_bits=0")
WIDTH = 12


def drawn(count, seed):
    """Embeddings of texts and blocks of pictures, [count, WIDTH] and [count, 1 + WIDTH], both of which tell; a third of
    the posts has no text, and another none of what is seen.
    """
    rng = np.random.default_rng(seed)
    telling = np.random.default_rng(7).normal(size=(2, WIDTH)) * 1.5
    lacks = np.arange(count) % 3
    text, seen = (rng.normal(size=(2, count, WIDTH))) * (lacks != np.array([[1], [2]]))[:, :, None]
    logits = text @ telling[0] + seen @ telling[1] - 1.0 * (lacks == 2) + 1.0 * (lacks == 1)
    seen = np.column_stack([lacks != 2, seen])
    return text.astype(np.float32), seen.astype(np.float32), (rng.random(count) < 1 / (1 + np.exp(-logits)))


def learned(text, seen, violates):
    """The wide half of a network that learned from them."""
    count = len(violates)
    posts = JudgedTexts(
        ["a text" if row.any() else None for row in text],
        violates[:, None].astype(np.float32),
        np.ones((count, 1), np.float32),
        np.arange(count) % 5,
        np.arange(count),
    )
    prior = np.zeros(1, np.float32)
    found = linear_parts(posts, None, text, blocks_of(seen, (1 + WIDTH,)), prior, PRESET)
    network = Network(PRESET, 1, torch.ones(300, 1, dtype=torch.int64), None, WIDTH, 1 + WIDTH).eval()
    network.load_state_dict(found, strict=False)

    def logits(text, seen):
        mask = torch.from_numpy(text.any(axis=1).astype(np.int64))[:, None]
        given = (torch.from_numpy(part) for part in (text, seen))
        return network.wide(mask, mask, *given)[:, 0].numpy()

    return logits


def loss(logits, violates):
    return float((np.logaddexp(0, logits) - violates * logits).mean())


def test_texts_and_what_is_seen_are_weighed_beside_each_other():
    logits = learned(*drawn(1500, 0))
    text, seen, violates = drawn(1500, 1)
    both = loss(logits(text, seen), violates)
    assert both < 0.36
    assert loss(logits(text, seen * 0), violates) > both + 0.1
    assert loss(logits(text * 0, seen), violates) > both + 0.1


@pytest.mark.parametrize("lacks", [1, 2])
def test_posts_without_a_text_and_posts_without_a_picture_are_told_by_what_they_have(lacks):
    logits = learned(*drawn(1500, 0))
    text, seen, violates = (part[lacks::3] for part in drawn(1500, 1))
    found = logits(text, seen)
    assert loss(found, violates) < 0.45
    assert (1 / (1 + np.exp(-found))).mean() == pytest.approx(violates.mean(), abs=0.05)


def test_a_text_has_the_same_respelled_copy_whatever_stands_beside_it(tmp_path):
    posts, copies = made_up_rows(400), []
    for name, some in (("all", posts), ("later", posts[7:])):
        (tmp_path / name).mkdir()
        rows = SnapshotRows.open(write_snapshot(tmp_path / name, some, shares=(1, 1, 1, 1)))
        found = judged_texts(rows, preset_named("compact,modalities=text,respell=0.2"))
        copies.append(found.texts[len(some) :])
        assert found.fold[len(some) :].tolist() == found.fold[found.rows[len(some) :]].tolist()
    assert 40 < len(copies[0]) < 130
    assert copies[0][-len(copies[1]) :] == copies[1]
