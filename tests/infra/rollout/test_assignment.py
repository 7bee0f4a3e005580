from hypothesis import given
from hypothesis import strategies as st

from infra.rollout.assignment import is_shadowed, meets_challenger, place

names = st.text(min_size=1, max_size=60)
shares = st.floats(0, 1)


@given(names, names, shares, shares)
def test_raising_the_share_only_adds_posts(post, rollout, one, other):
    less, more = sorted((one, other))
    assert meets_challenger(post, rollout, more) or not meets_challenger(post, rollout, less)


@given(names, names)
def test_nobody_meets_it_at_nought_and_everybody_at_one(post, rollout):
    assert not meets_challenger(post, rollout, 0.0)
    assert meets_challenger(post, rollout, 1.0)


def test_a_share_takes_that_share_of_posts():
    met = sum(meets_challenger(f"post-{number}", "r1", 0.05) for number in range(20_000))
    assert 850 < met < 1150


def test_a_new_rollout_draws_anew():
    posts = [f"post-{number}" for number in range(20_000)]
    first, second = ({post for post in posts if meets_challenger(post, name, 0.1)} for name in ("r1", "r2"))
    assert 100 < len(first & second) < 320


def test_who_is_shadowed_is_drawn_apart_from_who_is_decided():
    posts = [f"post-{number}" for number in range(20_000)]
    decided = [post for post in posts if meets_challenger(post, "r1", 0.1)]
    both = sum(is_shadowed(post, "r1", 0.1) for post in decided)
    assert 0.06 < both / len(decided) < 0.14


def test_places_are_the_same_in_every_process():
    assert place("post-1", "share r1") == 0.23360084122556443
