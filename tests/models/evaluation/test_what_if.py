"""Other objectives on scores that are there: what is gained and lost, and how sure that is."""

from __future__ import annotations

import numpy as np
import pytest

from models.domain.content import Action
from models.domain.policy_changes import changed
from models.evaluation.operating_points import JudgedScores, OperatingPoints
from models.evaluation.stored_scores import StoredScores, read_scores, write_scores
from models.evaluation.what_if import ALL, ANY, Traffic, difference, what_if
from models.policies import POLICY_SETS

SET = POLICY_SETS["community_guidelines"]
POLICIES = ("hate_speech", "profanity")
TWO = SET.model_copy(update={"policies": tuple(it for it in SET.policies if it.key in POLICIES)})


def judged(seed, posts=3000, policies=POLICIES):
    """Scores that are probabilities: a post violates as often as its score says."""
    random = np.random.default_rng(seed)
    scores = np.clip(random.beta(0.1, 0.3, (posts, len(policies))), 0.001, 0.999)
    labels = (random.random(scores.shape) < scores).astype(float)
    return JudgedScores(policies, scores, labels, random.choice(["DE", "US", "FR"], posts))


def traffic(evidence):
    return Traffic(evidence.policies, evidence.scores, evidence.markets)


def ask(policy_set, evidence=None):
    evidence = evidence or judged(0)
    return what_if(OperatingPoints.derive(TWO, evidence), policy_set, evidence, traffic(judged(1)), judged(2))


def change(found, market=ALL, subject=ANY, action=Action.REMOVE):
    (one,) = [it for it in found.changes if (it.market, it.subject, it.action) == (market, subject, action)]
    return one


def test_its_own_objectives_change_nothing():
    found = ask(TWO)
    assert found.changed == 0
    assert not any(it.is_change for it in found.changes)
    assert (found.unscored, found.dropped) == ((), ())
    assert all((it.missed_now, it.acted_now) == (it.missed_then, it.acted_then) for it in found.missed)


def test_a_stricter_precision_removes_less_there_and_elsewhere_as_much():
    found = ask(changed(TWO, ["US.remove=0.995"]))
    assert change(found, "US").then < change(found, "US").now
    assert change(found, "DE").is_change is False
    assert change(found, "US").lost > change(found, "US").gained == 0
    assert found.changed == sum(change(found, market).lost for market in ("US",))


def test_the_actions_of_a_market_are_all_of_its_posts():
    found = ask(changed(TWO, ["default.review_share=0.1", "DE.limit=0.7"]))
    for market in (ALL, "DE", "FR", "US"):
        actions = [it for it in found.changes if (it.market, it.subject) == (market, ANY)]
        for side in ("now", "then"):
            assert sum(getattr(it, side) for it in actions) == pytest.approx(1)
        assert sum(it.gained - it.lost for it in actions) == 0


def test_milder_objectives_let_more_violations_through_and_fewer_harmless_posts_be_touched():
    found = ask(changed(TWO, [f"{market}.review_share=0.001" for market in ("default", "DE", "US")]))
    assert sum(it.missed_then for it in found.missed) > sum(it.missed_now for it in found.missed)
    assert sum(it.acted_then for it in found.missed) < sum(it.acted_now for it in found.missed)


def test_a_policy_that_the_set_leaves_out_asks_for_nothing_any_more():
    alone = TWO.model_copy(update={"policies": TWO.policies[:1]})
    found = ask(alone)
    assert found.dropped == ("profanity",)
    lost = change(found, subject="profanity")
    assert lost.then == 0 < lost.now


def test_a_policy_that_the_model_never_learned_is_named_and_no_error():
    found = ask(SET)
    assert set(found.unscored) == set(SET.keys) - set(POLICIES)


def test_the_interval_holds_the_difference_and_is_never_of_no_width():
    for gained, lost, posts in ((0, 0, 100), (5, 2, 100), (100, 0, 100), (0, 1, 50_000), (700, 300, 1000)):
        low, high = difference(gained, lost, posts)
        assert -1 <= low <= (gained - lost) / posts <= high <= 1
        assert low < high
    assert difference(0, 0, 0) == (-1.0, 1.0)
    assert difference(0, 0, 100)[1] == pytest.approx(1 - 0.0125 ** (1 / 100))  # no success in n, exactly


def test_the_interval_covers_the_truth_as_often_as_it_says():
    random = np.random.default_rng(3)
    truth, held = np.array([0.02, 0.05, 0.93]), 0
    for gained, lost, _ in random.multinomial(400, truth, 1000):
        low, high = difference(int(gained), int(lost), 400)
        held += low <= truth[0] - truth[1] <= high
    assert held >= 950


def test_scores_come_back_from_their_file_as_they_were(tmp_path):
    labels = judged(1).labels.copy()
    labels[::3] = np.nan
    given = StoredScores(judged(0), JudgedScores(POLICIES, judged(1).scores, labels, judged(1).markets))
    write_scores(tmp_path / "scores.parquet", given)
    found = read_scores(tmp_path / "scores.parquet")
    for before, after in ((given.derived, found.derived), (given.held_out, found.held_out)):
        assert after.policies == before.policies
        assert np.array_equal(after.scores, before.scores)
        assert np.array_equal(after.labels, before.labels, equal_nan=True)
        assert after.markets.tolist() == before.markets.tolist()


def test_a_part_without_posts_comes_back_too(tmp_path):
    nothing = JudgedScores(POLICIES, np.empty((0, 2)), np.empty((0, 2)), np.array([], str))
    write_scores(tmp_path / "scores.parquet", StoredScores(judged(0), nothing))
    assert read_scores(tmp_path / "scores.parquet").held_out.scores.shape == (0, 2)
