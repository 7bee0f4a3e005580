import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from models.domain.content import Action
from models.domain.policy import Objectives, PolicySet
from models.evaluation.operating_points import JudgedScores, OperatingPoints
from models.evaluation.thresholds import (
    error_rate,
    least_violations,
    proven_precision,
    review_level,
    share_at_most,
    smallest_proven,
)
from models.policies import POLICY_SETS

KEYS = ("self_harm", "profanity")


def policy_set(**markets):
    known = {policy.key: policy for policy in POLICY_SETS["community_guidelines"].policies}
    objectives = {
        "default": Objectives(
            precision={Action.LIMIT: 0.7, Action.REMOVE: 0.9}, review_share=0.05, minimum_judgements=20
        )
    }
    return PolicySet(
        name="small",
        title="Small",
        policies=tuple(known[key] for key in KEYS),
        objectives=objectives | markets,
    )


def evidence(posts=2000, seed=0, market=None):
    rng = np.random.default_rng(seed)
    scores = rng.random((posts, 2))
    labels = (rng.random((posts, 2)) < scores).astype(float)
    markets = np.array(market or ["DE"]) if market else np.where(np.arange(posts) % 10 == 0, "JP", "DE")
    return JudgedScores(KEYS, scores, labels, np.resize(markets, posts))


def point(points, market, policy, action):
    return next(p for p in points.of(market) if p.policy == policy and p.action is action)


@given(st.integers(0, 200), st.integers(1, 200))
def test_the_bound_is_clopper_and_pearsons(hits, flagged):
    hits = min(hits, flagged)
    expected = binomtest(hits, flagged, alternative="greater").proportion_ci(0.95, method="exact").low
    assert proven_precision(np.array([hits]), np.array([flagged]))[0] == pytest.approx(expected, abs=1e-9)


def test_of_many_posts_too_the_smallest_that_is_proven_keeps_its_promise_on_as_many_later_ones():
    rng, kept = np.random.default_rng(0), []
    for _ in range(300):
        scores = rng.random((2, 12_000))
        violates = rng.random(scores.shape) < 1 / (1 + np.exp(-9 * (scores - 0.4)))
        found, _ = smallest_proven(scores[0], violates[0], 0.85)
        kept.append(violates[1][scores[1] >= found.at].mean() >= 0.85)
    assert np.mean(kept) >= 0.92


def test_the_threshold_is_the_smallest_that_is_proven():
    data = evidence()
    scores, violates = data.scores[:, 0], data.labels[:, 0] > 0
    found, _ = smallest_proven(scores, violates, 0.8)

    def bound(threshold):
        flagged = scores >= threshold
        posts = np.array([flagged.sum()])
        return proven_precision(np.array([violates[flagged].sum()]), posts, error_rate(posts))[0]

    assert bound(found.at) == pytest.approx(found.lower_bound)
    assert found.lower_bound >= 0.8
    assert all(bound(threshold) < 0.8 for threshold in scores[violates & (scores < found.at)])
    assert found.precision == pytest.approx(violates[scores >= found.at].mean())


def test_a_threshold_goes_no_lower_than_the_last_violation_however_long_its_bound_holds():
    scores, violates = np.concatenate([np.full(100, 0.9), np.linspace(0, 0.1, 100)]), np.arange(200) < 100
    found, bound = smallest_proven(scores, violates, 0.8)
    assert (
        found.at == 0.5
    )  # half-way to the post below; the bound would hold for eighteen harmless posts more
    assert (found.precision, found.recall) == (1, 1)
    assert bound == pytest.approx(0.05**0.01)


def test_posts_with_one_score_are_never_split():
    found, _ = smallest_proven(np.full(100, 0.5), np.arange(100) < 90, 0.8)
    assert (found.at, found.precision) == (0.5, 0.9)


def test_a_policy_with_too_few_judgements_gets_no_automatic_action_and_says_so():
    labels = np.tile([0.0, 1.0], (500, 1))  # nobody was ever judged to violate self_harm
    points = OperatingPoints.derive(
        policy_set(), JudgedScores(KEYS, np.full((500, 2), 0.5), labels, np.full(500, "DE"))
    )
    removal = point(points, "default", "self_harm", Action.REMOVE)
    assert removal.threshold is None
    assert removal.note == "too few judged violations: 0 of 20"
    assert points.without_automatic_action() == ("self_harm",)


def test_an_objective_out_of_reach_names_the_best_bound():
    data = evidence()
    unreachable = Objectives(precision={Action.REMOVE: 0.999}, review_share=0.05, minimum_judgements=20)
    points = OperatingPoints.derive(policy_set(default=unreachable), data)
    assert "no threshold is proven to reach precision 0.9990; the best bound is 0.9" in points.points[0].note


def test_a_market_with_judgements_uses_its_own_and_another_borrows_from_all():
    own = Objectives(precision={Action.LIMIT: 0.7}, review_share=0.05, minimum_judgements=20)
    few = own.model_copy(update={"minimum_judgements": 500})
    points = OperatingPoints.derive(policy_set(DE=own, JP=few), evidence())
    german, japanese = (point(points, market, "self_harm", Action.LIMIT) for market in ("DE", "JP"))
    assert (german.basis, german.judged) == ("market", 1800)
    assert (japanese.basis, japanese.judged) == ("pooled", 2000)


def test_unknown_judgements_count_for_nothing():
    data = evidence()
    data.labels[:1000] = np.nan
    points = OperatingPoints.derive(policy_set(), data)
    assert point(points, "default", "self_harm", Action.LIMIT).judged == 1000


def test_people_review_no_more_than_their_share_of_the_posts():
    data = evidence(5000)
    points = OperatingPoints.derive(policy_set(), data)
    actions, _ = points.decide(data.scores, ["FR"] * 5000)
    assert actions.count(Action.REVIEW) == pytest.approx(0.05 * 5000, abs=2)
    assert actions.count(Action.REMOVE) > 0
    assert actions.count(Action.LIMIT) > 0


def test_review_looks_at_severe_policies_first():
    points = OperatingPoints.derive(policy_set(), evidence())
    severe, mild = (point(points, "default", policy, Action.REVIEW) for policy in KEYS)
    assert severe.threshold < (mild.threshold or np.inf)


def test_the_strongest_action_of_any_policy_is_taken_and_every_policy_gives_its_reason():
    points = OperatingPoints.derive(policy_set(), evidence())
    removal = point(points, "default", "self_harm", Action.REMOVE).threshold
    limit = point(points, "default", "profanity", Action.LIMIT).threshold
    actions, reasons = points.decide(np.array([[removal, limit], [0.0, 0.0]]), ["DE", None])
    assert actions == [Action.REMOVE, Action.ALLOW]
    assert [(r.policy, r.action, r.threshold, r.market) for r in reasons[0]] == [
        ("self_harm", Action.REMOVE, removal, "default"),
        ("profanity", Action.LIMIT, limit, "default"),
    ]
    assert reasons[1] == ()


def test_no_posts_give_no_decisions():
    points = OperatingPoints.derive(policy_set(), evidence())
    assert points.decide(np.empty((0, 2)), []) == ([], [])


def test_operating_points_survive_json_unchanged():
    points = OperatingPoints.derive(policy_set(), evidence())
    assert OperatingPoints.model_validate_json(points.model_dump_json()) == points


def test_a_perfect_ranking_of_few_posts_is_acted_on_and_reviewed():
    scores = np.tile([[0.99, 0.02]], (30, 1))
    scores[8:, 0] = 0.01
    labels = np.stack([np.arange(30) < 8, np.zeros(30)], axis=1).astype(float)
    few = Objectives(precision={Action.LIMIT: 0.6}, review_share=0.03, minimum_judgements=5)
    points = OperatingPoints.derive(
        policy_set(default=few), JudgedScores(KEYS, scores, labels, np.full(30, "ZZ"))
    )
    actions, _ = points.decide(scores, [None] * 30)
    assert actions.count(Action.LIMIT) == 8  # 8 of 8 prove 0.69
    assert actions.count(Action.REVIEW) > 0  # 3 % of 30 posts are less than one, and not none


@given(st.integers(1, 60), st.sampled_from([0.001, 0.015, 0.05]))
def test_a_review_share_is_never_rounded_to_nought(posts, share):
    scores = np.random.default_rng(posts).random((posts, 2))
    assert review_level(np.full((2, len(Action)), np.inf), scores, np.array([3, 1]), share) < np.inf


def test_what_nobody_judged_is_not_assessed_and_takes_no_share_of_the_reviews():
    data = evidence()
    data.labels[:, 0] = np.nan
    points = OperatingPoints.derive(policy_set(), data)
    assert points.not_assessed == ("self_harm",)
    assert {p.note for p in points.points if p.policy == "self_harm"} == {
        "nobody judged a post for it: it is not assessed"
    }
    assert point(points, "default", "profanity", Action.REVIEW).threshold is not None
    _, reasons = points.decide(np.array([[1.0, 0.0]]), [None])
    assert reasons == [()]


@pytest.mark.parametrize(
    ("share", "scores", "note"),
    [
        (0.0, [[0.5, 0.5]], "the review share is 0"),
        (0.05, [[0.9, 0.9]], "the review share is spent on severer policies"),
    ],
)
def test_a_review_point_says_truly_why_it_is_closed(share, scores, note):
    objectives = Objectives(precision={}, review_share=share, minimum_judgements=20)
    points = OperatingPoints.derive(
        policy_set(default=objectives),
        JudgedScores(KEYS, np.array(scores), np.zeros((1, 2)), np.array(["ZZ"])),
    )
    assert point(points, "default", "profanity", Action.REVIEW).note == note


def test_a_market_borrows_what_all_prove_unless_its_own_posts_rule_that_out():
    scores = np.concatenate([np.linspace(0.9, 1, 400), np.linspace(0, 0.1, 400)])[:, None].repeat(2, axis=1)
    labels = (scores > 0.5).astype(float)
    markets = np.where(np.arange(800) % 20 == 0, "DE", "US")
    strict = Objectives(precision={Action.REMOVE: 0.95}, review_share=0.05, minimum_judgements=10)
    borrowed = OperatingPoints.derive(policy_set(DE=strict), JudgedScores(KEYS, scores, labels, markets))
    german = point(borrowed, "DE", "profanity", Action.REMOVE)
    assert (german.basis, german.note) == ("pooled", "")  # 20 of its own prove 0.86, all together 0.99
    assert german.threshold is not None
    labels[(markets == "DE") & (np.arange(800) % 40 == 0)] = (
        0  # there, half of what scores high does not violate
    )
    ruled_out = OperatingPoints.derive(policy_set(DE=strict), JudgedScores(KEYS, scores, labels, markets))
    german = point(ruled_out, "DE", "profanity", Action.REMOVE)
    assert german.threshold is None
    assert "this one's own posts reach precision" in german.note


@given(st.integers(0, 200), st.integers(1, 200))
def test_the_upper_bound_is_clopper_and_pearsons(hits, flagged):
    hits = min(hits, flagged)
    expected = binomtest(hits, flagged, alternative="less").proportion_ci(0.95, method="exact").high
    assert share_at_most(hits, flagged) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("objective", "least"),
    [(0.8, 14), (0.95, 59), (0.97, 99), (0.995, 680), (0.999, 4329), (1.0, np.inf), (0.0, 1)],
)
def test_so_many_violations_without_a_false_alarm_prove_a_precision(objective, least):
    assert least_violations(objective) == least
    if 1 < least < np.inf:
        counts = np.array([least - 1, least])
        below, reached = proven_precision(counts, counts, error_rate(counts)) >= objective
        assert (below, reached) == (False, True)


def test_thresholds_of_a_bundle_of_before_decide_as_they_did():
    points = OperatingPoints.derive(policy_set(), evidence())
    written = points.model_dump(mode="json", exclude={"assessed", "derived_from"})
    for one in written["points"]:
        del one["missing"]
    before = OperatingPoints.model_validate(written)
    scores = evidence().scores
    assert before.not_assessed == ()
    assert before.decide(scores, ["DE"] * len(scores)) == points.decide(scores, ["DE"] * len(scores))
