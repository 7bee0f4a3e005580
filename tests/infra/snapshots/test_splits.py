import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.snapshots.splits import LEFT_OUT, TEST, TRAIN, place
from infra.snapshots.time_split import UNDATED

POSTS = st.integers(1, 120)


@st.composite
def lakes(draw):
    """Authors, clusters, times and keys of some posts, tied to each other as the data pleases."""
    count = draw(POSTS)
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    authors = random.integers(0, draw(st.integers(1, 2 * count)), count).astype(np.uint64)
    clusters = random.integers(0, draw(st.integers(1, 2 * count)), count)
    times = random.integers(0, draw(st.sampled_from([1, 3, 10_000])), count)
    times[random.random(count) < draw(st.sampled_from([0.0, 0.5, 1.0]))] = UNDATED
    keys = random.integers(0, 2**64 - 1, count, dtype=np.uint64)
    return authors, clusters, times, keys


@settings(max_examples=150, deadline=None)
@given(lakes(), st.integers(0, 5))
def test_no_author_and_no_cluster_lies_in_two_splits(lake, seed):
    authors, clusters, times, keys = lake
    split = place(authors, clusters, times, keys, seed).split
    for owners in (authors, clusters):
        known = (split != LEFT_OUT) & ((owners != 0) if owners is authors else True)
        for owner in np.unique(owners[known]):
            assert len(np.unique(split[known & (owners == owner)])) == 1


@settings(max_examples=150, deadline=None)
@given(lakes(), st.integers(0, 5))
def test_dated_test_posts_are_later_than_all_other_dated_posts(lake, seed):
    authors, clusters, times, keys = lake
    split = place(authors, clusters, times, keys, seed).split
    dated = times != UNDATED
    if not dated.any() or times[dated].min() == times[dated].max():
        return
    test, others = times[dated & (split == TEST)], times[dated & (split > LEFT_OUT) & (split < TEST)]
    assert not len(test) or not len(others) or test.min() > others.max()


@settings(max_examples=60, deadline=None)
@given(lakes(), st.integers(0, 5))
def test_every_post_is_placed_or_counted_as_left_out(lake, seed):
    placement = place(*lake, seed)
    assert (placement.split == LEFT_OUT).sum() == placement.straddling + placement.crossing
    assert (placement.split != LEFT_OUT).any()


@settings(max_examples=60, deadline=None)
@given(lakes(), st.integers(0, 5), st.randoms())
def test_the_order_of_posts_changes_no_split(lake, seed, random):
    order = list(range(len(lake[0])))
    random.shuffle(order)
    expected = place(*lake, seed).split[order]
    assert (place(*(column[order] for column in lake), seed).split == expected).all()


def lonely(count: int, times: np.ndarray | None = None):
    """Posts that nothing ties together."""
    numbers = np.arange(1, count + 1)
    keys = numbers.astype(np.uint64) * np.uint64(11400714819323198485)
    return keys, numbers, np.full(count, UNDATED) if times is None else times, keys


def test_twenty_posts_reach_every_split():
    for seed in range(20):
        for times in (None, np.arange(20)):
            assert set(place(*lonely(20, times), seed).split) == {0, 1, 2, 3}


def test_splits_have_their_shares_of_undated_posts():
    shares = np.bincount(place(*lonely(20_000), 0).split) / 20_000
    assert np.allclose(shares, [0.80, 0.05, 0.05, 0.10], atol=0.01)


def test_splits_have_their_shares_of_dated_posts_and_none_is_left_out():
    shares = np.bincount(place(*lonely(20_000, np.arange(20_000)), 0).split) / 20_000
    assert np.allclose(shares, [0.80, 0.05, 0.05, 0.10], atol=0.02)


def test_new_undated_posts_move_none_between_splits():
    before, after = place(*lonely(5_000), 0).split, place(*lonely(9_000), 0).split
    assert (after[:5_000] == before).all()


def test_another_seed_gives_another_split():
    assert (place(*lonely(1_000), 0).split != place(*lonely(1_000), 1).split).any()


def test_authors_who_post_all_the_time_leave_test_a_tenth():
    random = np.random.default_rng(0)
    authors = random.integers(1, 400, 8_000).astype(np.uint64)
    _, clusters, times, keys = lonely(8_000, np.arange(8_000))
    split = place(authors, clusters, times, keys, 0).split
    kept = split != LEFT_OUT
    assert kept.mean() > 0.55
    assert 0.07 < (split[kept] == TEST).mean() < 0.13


def test_popular_copies_do_not_swallow_the_split():
    random = np.random.default_rng(0)
    authors = random.integers(1, 500, 5_000).astype(np.uint64)
    clusters = np.where(random.random(5_000) < 0.2, random.integers(0, 100, 5_000), np.arange(100, 5_100))
    placement = place(authors, clusters, np.full(5_000, UNDATED), lonely(5_000)[3], 0)
    kept = placement.split != LEFT_OUT
    assert kept.mean() > 0.9
    assert 0.7 < (placement.split[kept] == TRAIN).mean() < 0.9
    assert placement.crossing > 0
