"""Prevalence among unjudged posts by their scores: found under label shift, not guessed where nothing explains them."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from models.domain.content import Action
from models.domain.policy import Objectives
from models.evaluation.effects import on_unjudged
from models.evaluation.operating_points import JudgedScores, OperatingPoints
from models.evaluation.prevalence import prevalence_of
from models.evaluation.unjudged import Unjudged, among_judged, among_unjudged, hits_at_most
from models.policies import POLICY_SETS

POLICY = "hate_speech"
SHIPPED = POLICY_SETS["community_guidelines"]
HATE = next(policy for policy in SHIPPED.policies if policy.key == POLICY)
ONE = SHIPPED.model_copy(
    update={
        "policies": (HATE,),
        "objectives": {
            "default": Objectives(precision={Action.REMOVE: 0.9}, review_share=0.05, minimum_judgements=20)
        },
    }
)


def drawn(rng, posts, share):
    """Scores that overlap, and what is true of each."""
    violates = rng.random(posts) < share
    return rng.normal(np.where(violates, 1.5, -1.5), 1.0), violates


def estimate(judged_share, share, seed, posts=2000):
    rng = np.random.default_rng(seed)
    scores, violates = drawn(rng, 3000, judged_share)
    return prevalence_of(POLICY, scores, violates, drawn(rng, posts, share)[0], seed=seed)


def derived(judged, unjudged):
    """Thresholds from judged scores and labels beside unjudged scores; all as probabilities."""
    scores, violates = judged
    found = prevalence_of(POLICY, scores, violates, unjudged)
    outside = Unjudged(unjudged[:, None], np.full(len(unjudged), "DE"), {POLICY: found})
    evidence = JudgedScores(
        (POLICY,), scores[:, None], violates[:, None].astype(float), np.full(len(scores), "DE"), None, outside
    )
    return OperatingPoints.derive(ONE, evidence), evidence


@pytest.mark.parametrize(("judged", "share"), [(0.77, 0.02), (0.77, 0.3), (0.2, 0.6), (0.1, 0.02)])
def test_another_prevalence_is_found_with_an_interval_that_mostly_holds_it(judged, share):
    found = [estimate(judged, share, seed) for seed in range(20)]
    assert {it.verdict for it in found} == {"shifted"}
    held = sum(it.estimate.low <= share <= it.estimate.high for it in found)
    assert held >= 17  # of 20 intervals of 95 %
    assert all(abs(it.by_confusion - share) < 0.06 for it in found)


def test_posts_like_the_judged_ones_change_nothing():
    verdicts = [estimate(0.3, 0.3, seed) for seed in range(40)]
    same = [it for it in verdicts if it.verdict == "as judged"]
    assert len(same) >= 35  # an interval of 95 % leaves two out
    assert not any(it.verdict == "unlike" for it in verdicts)
    assert {(it.odds, it.least_odds) for it in same} == {(1.0, 1.0)}


def test_scores_that_no_mixture_explains_say_nothing_of_prevalence():
    rng = np.random.default_rng(0)
    scores, violates = drawn(rng, 3000, 0.77)
    found = prevalence_of(POLICY, scores, violates, rng.normal(0, 0.2, 1000))
    assert found.verdict == "unlike"
    assert found.odds == found.least_odds == 1.0
    assert found.told == (
        f"hate_speech: the scores of unjudged posts are no mixture of those of judged ones (distance "
        f"{found.distance:.2f}); how many violate cannot be told before people judge some of them"
    )


def test_where_no_judged_post_is_harmless_precision_says_nothing_and_where_there_are_few_posts_neither_does_this():
    rng = np.random.default_rng(0)
    scores, violates = drawn(rng, 1000, 1.0)
    assert prevalence_of(POLICY, scores, violates, scores).verdict == "unlike"
    scores, violates = drawn(rng, 1000, 0.5)
    assert prevalence_of(POLICY, scores, violates, scores[:199]).verdict == "unknown"
    assert prevalence_of(POLICY, scores[:10], violates[:10], scores).verdict == "unknown"


def test_an_estimate_alone_makes_no_threshold_looser():
    found = estimate(0.2, 0.6, 0)
    assert found.odds > 1
    assert found.least_odds == 1.0


@pytest.mark.parametrize("odds", [0.01, 0.4, 1.0])
def test_what_is_proven_among_judged_posts_is_the_promise_among_the_others(odds):
    assert among_unjudged(among_judged(0.9, odds), odds) == pytest.approx(0.9)
    assert among_judged(0.9, 0.0) == 1.0


def test_a_threshold_keeps_its_promise_among_posts_that_violate_less():
    rng = np.random.default_rng(3)
    judged = drawn(rng, 20_000, 0.5)
    unjudged, truth = drawn(rng, 20_000, 0.1)
    points, evidence = derived(judged, unjudged)
    blind = OperatingPoints.derive(ONE, JudgedScores(*_plain(evidence)))
    old, new = (
        next(it.threshold for it in made.points if it.action is Action.REMOVE) for made in (blind, points)
    )
    assert truth[unjudged >= old].mean() < 0.75  # what nobody saw before it was champion
    assert truth[unjudged >= new].mean() >= 0.9
    acted = on_unjudged(points, evidence).acted
    assert [it.is_plausible for it in acted] == [True]
    assert [it.is_plausible for it in on_unjudged(blind, evidence).acted] == [False]


def test_where_unjudged_posts_may_hold_no_violation_the_note_says_what_would_show_one():
    rng = np.random.default_rng(8)
    points, evidence = derived(drawn(rng, 4000, 0.3), drawn(rng, 2000, 0.0)[0])
    removal = next(it for it in points.points if it.action is Action.REMOVE)
    assert evidence.prevalence(POLICY).may_be_none
    assert removal.threshold is None
    assert removal.note.startswith(
        "unjudged posts may hold no violation; hate_speech: an estimated 0.4 % (0.0 %"
    )
    assert removal.note.endswith("judge a random sample of them")
    assert removal.missing is None, "no judgement like those that there are would change that"


def test_scores_that_part_nothing_say_nothing_of_prevalence():
    rng = np.random.default_rng(9)
    alike = np.zeros(600)
    assert prevalence_of(POLICY, alike, rng.random(600) < 0.3, alike).verdict == "unknown"


def test_an_action_is_withheld_that_meets_strange_posts_more_than_harmless_ones():
    rng = np.random.default_rng(4)
    judged = drawn(rng, 4000, 0.77)
    points, evidence = derived(judged, rng.normal(0.4, 0.3, 1000))
    removal = next(it for it in points.points if it.action is Action.REMOVE)
    assert removal.threshold is None
    assert removal.withheld
    assert removal.note.startswith("withheld: it would act on ")
    assert on_unjudged(points, evidence).acted == ()


def test_strange_posts_that_are_acted_on_less_than_harmless_ones_take_no_action_away():
    rng = np.random.default_rng(5)
    points, _ = derived(drawn(rng, 4000, 0.5), rng.normal(-4, 0.3, 1000))
    assert next(it for it in points.points if it.action is Action.REMOVE).threshold is not None


def test_an_action_is_withheld_that_strange_posts_meet_too_often_for_the_violations_among_them():
    rng = np.random.default_rng(5)
    judged = drawn(rng, 4000, 0.77)
    blind, _ = derived(judged, np.empty(0))
    at = next(it.threshold for it in blind.points if it.action is Action.REMOVE)
    share = 0.8 * (judged[0][~judged[1]] >= at).mean()  # of harmless posts, which is no sign by itself
    strange = np.where(
        rng.random(4000) < share, at + rng.uniform(0, 0.02, 4000), rng.uniform(at - 4, at - 2, 4000)
    )
    points, evidence = derived(judged, strange)
    removal = next(it for it in points.points if it.action is Action.REMOVE)
    assert evidence.prevalence(POLICY).verdict == "unlike"
    assert removal.withheld
    assert "of those posts are hits" in removal.note
    violations = judged[0][judged[1]]
    assert hits_at_most(at, violations, strange) < share / 3


@pytest.mark.parametrize("strange", [(1.2, 0.1), (1.5, 1.0)], ids=["strange", "all violating"])
def test_an_action_is_withheld_in_that_market_alone_whose_posts_are_not_as_the_others(strange):
    rng = np.random.default_rng(10)
    scores, violates = drawn(rng, 4000, 0.5)
    unjudged = np.concatenate([drawn(rng, 9700, 0.5)[0], rng.normal(*strange, 300)])
    markets = np.repeat(["JP", "DE"], [9700, 300])
    found = prevalence_of(POLICY, scores, violates, unjudged)
    outside = Unjudged(unjudged[:, None], markets, {POLICY: found})
    evidence = JudgedScores(
        (POLICY,), scores[:, None], violates[:, None].astype(float), np.full(4000, "JP"), None, outside
    )
    objectives = dict.fromkeys(["default", "DE", "JP"], ONE.objectives["default"])
    points = OperatingPoints.derive(ONE.model_copy(update={"objectives": objectives}), evidence)
    removal = {it.market: it for it in points.points if it.action is Action.REMOVE}
    assert [name for name, it in removal.items() if it.withheld] == (["DE"] if strange[1] < 1 else [])
    acted = on_unjudged(points, evidence).acted
    assert {it.market for it in acted} == {name for name, it in removal.items() if it.threshold is not None}
    assert all(it.is_plausible for it in acted), "the gate asks no more than thresholds were derived by"


@pytest.mark.parametrize("prevalence", [0.01, 0.1, 0.5])
def test_what_violations_leave_room_for_is_no_less_than_the_hits_whatever_harmless_posts_do(prevalence):
    rng = np.random.default_rng(6)
    scores, violates = drawn(rng, 4000, 0.5)
    for moved in (-3, 0, 1):
        unjudged, truth = drawn(rng, 4000, prevalence)
        unjudged = np.where(truth, unjudged, unjudged + moved)
        for at in np.quantile(scores[violates], [0.1, 0.5, 0.9]):
            expected = prevalence * (scores[violates] >= at).mean()
            assert expected <= hits_at_most(at, scores[violates], unjudged)


def test_people_are_sent_the_share_of_unjudged_posts_that_they_can_review():
    rng = np.random.default_rng(6)
    unjudged = rng.normal(0.4, 0.3, 2000)  # each above what sends judged ones to people
    points, evidence = derived(drawn(rng, 4000, 0.02), unjudged)
    asked = points.asked(evidence.unjudged.scores, "DE")
    assert (asked > 0).mean() == pytest.approx(0.05, abs=0.002)


def _plain(evidence):
    return evidence.policies, evidence.scores, evidence.labels, evidence.markets


def test_a_model_of_tweets_that_mostly_violate_is_withheld_from_harmless_text_messages(shared_data):
    import csv

    with (shared_data / "davidson.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = (shared_data / "sms-spam.tsv").read_text(encoding="utf-8").splitlines()
    ham = [line.partition("\t")[2] for line in lines if line.startswith("ham\t")]
    order = np.random.default_rng(7).permutation(len(rows))[:9000]
    texts = np.array([rows[i]["tweet"] for i in order], object)
    violates = np.array([rows[i]["class"] == "1" for i in order])
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True).fit(texts[:6000])
    model = LogisticRegression(C=4, max_iter=500).fit(words.transform(texts[:6000]), violates[:6000])
    scores = model.decision_function(words.transform(texts[6000:]))
    outside = model.decision_function(words.transform(ham))
    limiting = ONE.objectives["default"].model_copy(update={"precision": {Action.LIMIT: 0.8}})
    judged = (scores, violates[6000:])
    points, evidence = derived(judged, outside)
    assert evidence.prevalence(POLICY).verdict == "unlike"
    assert next(it for it in points.points if it.action is Action.REMOVE).withheld
    blind = OperatingPoints.derive(
        ONE.model_copy(update={"objectives": {"default": limiting}}), JudgedScores(*_plain(evidence))
    )
    at = next(it.threshold for it in blind.points if it.action is Action.LIMIT)
    assert (outside >= at).mean() > 0.5  # of harmless messages
    assert [it.is_plausible for it in on_unjudged(blind, evidence).acted] == [False]
