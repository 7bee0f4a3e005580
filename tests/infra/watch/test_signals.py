"""Signals on made-up views: what moved is found, what did not is left alone however often one looks."""

import numpy as np
import pytest

from infra.watch import SIGNALS, View, compare_views
from infra.watch.contract import of_signal

POLICIES = ("spam", "hate")
MARKETS, LANGUAGES = ["DE", "US", "JP"], ["de", "en", "ja"]


def view(seed, posts=1500, *, recall=0.8, language=None, prevalence=0.1, shift=0.0, reposts=0):
    """A window: beta-distributed scores, violations of which a share is acted on, two judges who mostly agree."""
    random = np.random.default_rng(seed)
    market = random.integers(0, 3, posts)
    violates = random.random((posts, 2)) < prevalence
    acted = np.where(violates, random.random((posts, 2)) < recall, random.random((posts, 2)) < 0.02)
    votes = np.where(random.random((posts, 2)) < 0.05, 0.5, violates.astype(float))
    votes[random.random((posts, 2)) < 0.3] = np.nan
    author = np.array([f"a{seed}-{i}" for i in range(posts)])
    if reposts:
        author[:reposts] = "the same"
        acted[:reposts], votes[:reposts] = True, 0.0
    spoken = np.array(LANGUAGES)[market] if language is None else np.full(posts, language)
    return View(
        POLICIES,
        author=author,
        market=np.array(MARKETS)[market],
        language=spoken,
        length=random.poisson(60, posts).astype(float),
        image=random.random(posts) < 0.3,
        scores=np.clip(random.beta(1, 9, (posts, 2)) + shift, 0, 1),
        acted=acted,
        votes=votes,
    )


def beyond(live, reference=None):
    found = compare_views(reference or view(0, 3000), live)
    return {(it.signal, it.subject) for it in found if it.verdict == "beyond"}


def test_three_hundred_looks_at_unmoved_traffic_raise_no_alarm():
    reference = view(0, 3000)
    assert not any(beyond(view(seed, 600), reference) for seed in range(1, 301))


def test_scores_that_moved_are_found_by_policy_and_market():
    found = beyond(view(1, shift=0.15))
    assert {("score_drift", subject) for subject in (*POLICIES, *MARKETS)} <= found


def test_violations_that_the_champion_misses_are_found():
    assert ("recall", "all policies") in beyond(view(1, recall=0.4))


def test_a_champion_that_became_better_is_no_alarm():
    assert beyond(view(1, recall=0.99)) == set()


def test_a_language_that_was_never_learned_is_found():
    assert beyond(view(1, language="xx")) == {("unknown_language", "all posts")}


def test_a_campaign_is_found_by_prevalence():
    assert {("prevalence", "spam"), ("action_rate", "spam")} <= beyond(view(1, prevalence=0.4))


def test_one_who_reposts_a_hundred_times_counts_once():
    assert beyond(view(1, reposts=400)) == set()


def test_too_few_posts_are_unknown_and_never_within():
    verdicts = {it.verdict for it in compare_views(view(0), view(1, 20))}
    assert verdicts == {"unknown"}


def test_an_empty_window_is_unknown():
    empty = view(1).where(np.zeros(1500, bool))
    assert {it.verdict for it in compare_views(view(0), empty)} <= {"unknown"}


@pytest.mark.parametrize("signal", list(SIGNALS), ids=lambda it: it.name)
def test_every_signal_keeps_the_contract(signal):
    assert of_signal(signal) == []
    assert signal.description.endswith(".")
    assert signal.bound < 1
