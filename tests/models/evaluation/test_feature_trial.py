"""What features tell is measured on posts that nothing was fitted or chosen on, and not where too few tell."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from models.evaluation.feature_trial import MIN_VIOLATIONS, beside, comparable, ngrams, trial

POSTS = 300


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def labels(rng):
    return (rng.random(POSTS) < 0.3).astype(np.float32)


def tried(features, labels, groups=None):
    groups = np.arange(len(labels)) if groups is None else groups
    return trial(features, "profanity", labels, groups, seed=0)


def noise(rng, width=20):
    return comparable(rng.normal(size=(POSTS, width)).astype(np.float32))


def test_features_that_tell_are_found_and_noise_is_near_chance(rng, labels):
    told = comparable((labels[:, None] + rng.normal(size=(POSTS, 5), scale=0.5)).astype(np.float32))
    good, bad = tried(told, labels), tried(noise(rng), labels)
    assert good.average_precision > 0.95
    assert abs(bad.average_precision - bad.chance) < 0.1
    for found in (good, bad):
        assert found.interval[0] <= found.average_precision <= found.interval[1]
    assert tried(beside(noise(rng), told), labels).average_precision > 0.9


def test_a_text_is_told_by_its_words(rng, labels):
    texts = ["you vrenk you" if label else "a quiet walk" for label in labels]
    texts[0] = None
    assert tried(ngrams(texts), labels).average_precision > 0.98


def test_near_duplicates_do_not_tell_of_each_other(rng):
    """A feature of its own for each pair of copies: whoever splits a pair knows the other by heart."""
    groups = np.arange(POSTS) // 2
    labels = (rng.random(POSTS // 2) < 0.3).astype(np.float32)[groups]
    places = (np.arange(POSTS, dtype=np.int32), groups.astype(np.int32))
    copies = csr_array((np.ones(POSTS), places))
    assert tried(copies, labels, np.arange(POSTS)).average_precision > 0.9
    honest = tried(copies, labels, groups)
    assert honest.average_precision < honest.chance + 0.1


@pytest.mark.parametrize("violations", [0, 1, MIN_VIOLATIONS - 1])
def test_few_violations_give_counts_and_no_figure(rng, violations):
    labels = np.zeros(POSTS, np.float32)
    labels[:violations] = 1
    labels[-50:] = np.nan
    found = tried(noise(rng), labels)
    assert (found.violations, found.judged) == (violations, POSTS - 50)
    assert found.average_precision is found.interval is None
    same = tried(noise(rng), 1 - labels)
    assert same.average_precision is None


def test_violations_that_are_copies_of_one_post_give_no_figure(rng, labels):
    groups = np.where(labels > 0, 0, np.arange(POSTS))
    assert tried(noise(rng), labels, groups).average_precision is None


def test_nobody_judged_is_nothing_known(rng):
    found = tried(noise(rng), np.full(POSTS, np.nan, np.float32))
    assert (found.judged, found.chance, found.average_precision) == (0, 0.0, None)


def test_labels_on_which_people_disagreed_count_by_their_shares(rng, labels):
    told = comparable((labels[:, None] + rng.normal(size=(POSTS, 5), scale=0.3)).astype(np.float32))
    shared = np.where(labels > 0, 2 / 3, 0.0).astype(np.float32)
    assert tried(told, shared).average_precision > 0.95


def test_posts_without_what_was_embedded_are_zeros(rng):
    vectors = rng.normal(size=(4, 3)).astype(np.float32)
    vectors[1] = 0
    found = comparable(vectors).toarray()
    assert not found[1].any()
    assert np.isfinite(found).all()
    assert not comparable(np.zeros((2, 3), np.float32)).toarray().any()


def test_texts_that_share_no_ngram_are_no_error():
    assert ngrams(["", None]).shape[0] == 2
