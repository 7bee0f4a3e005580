"""Captions that name what the picture shows, on a platform that is otherwise the same."""

import hashlib

import numpy as np
import pytest

from infra.simulator.pictures import NAMES
from infra.simulator.platform import Platform
from infra.simulator.vocabulary import Vocabulary

SEED, POSTS = 3, 600
CAPTIONS = (
    "8c247a8f5cd58d1a1eec8d7aa874a22ffe4c802ca630c410cb1bb4827c1cf926"  # of the first 300, told as ever
)


@pytest.fixture(scope="module")
def blocks():
    return {share: Platform(SEED, described=share).block(1, 0, POSTS) for share in (0.0, 0.5, 1.0)}


def captions(block):
    return block.posts["text"].to_pylist()


def described(block):
    """Whether each caption holds a name of what the picture shows."""
    words = Vocabulary(SEED)
    drawn = zip(captions(block), block.truth["drawing"].to_pylist(), strict=True)
    return np.array(
        [
            bool(text and drawing) and any(name in text.lower() for name in words.names(NAMES.index(drawing)))
            for text, drawing in drawn
        ]
    )


def test_by_default_captions_are_what_they_always_were(blocks):
    told = "\n".join(map(str, captions(blocks[0.0])[:300]))
    assert hashlib.sha256(told.encode()).hexdigest() == CAPTIONS
    assert not described(blocks[0.0]).any()


def test_all_but_those_captions_stays_the_same(blocks):
    plain, told = blocks[0.0], blocks[1.0]
    for column in ("post_id", "author_id", "image", "created_at", "views"):
        assert plain.posts[column] == told.posts[column]
    assert (plain.judgements, plain.truth) == (told.judgements, told.truth)
    named = described(told)
    for before, after, name in zip(captions(plain), captions(told), named, strict=True):
        assert len(after.split()) == len(before.split()) + 1 if name else after == before


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_the_share_of_captions_beside_pictures_is_met(blocks, share):
    block = blocks[share]
    beside = np.array([bool(t) for t in captions(block)]) & np.array(block.truth["drawing"].is_valid())
    assert abs(described(block)[beside].mean() - share) < 0.1


def test_no_two_drawings_share_a_name_and_no_name_is_another_word():
    words = Vocabulary(SEED)
    names = [name for place in range(len(NAMES)) for name in words.names(place)]
    assert len(set(names)) == len(names)
    assert not {*names} & {*words.common, *words.trends(1), *words.terms("hate_speech", 1)}
