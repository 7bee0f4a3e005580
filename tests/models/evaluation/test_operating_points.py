import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from models.content import Action
from models.evaluation.operating_points import Evidence, OperatingPoints
from models.evaluation.thresholds import proven_precision, smallest_proven
from models.policies import POLICY_SETS
from models.policy import Objectives, PolicySet

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
    return Evidence(KEYS, scores, labels, np.resize(markets, posts))


def point(points, market, policy, action):
    return next(p for p in points.of(market) if p.policy == policy and p.action is action)


@given(st.integers(0, 200), st.integers(1, 200))
def test_the_bound_is_clopper_and_pearsons(hits, flagged):
    hits = min(hits, flagged)
    expected = binomtest(hits, flagged, alternative="greater").proportion_ci(0.95, method="exact").low
    assert proven_precision(np.array([hits]), np.array([flagged]))[0] == pytest.approx(expected, abs=1e-9)


def test_the_threshold_is_the_smallest_that_is_proven():
    data = evidence()
    scores, violates = data.scores[:, 0], data.labels[:, 0] > 0
    found, _ = smallest_proven(scores, violates, 0.8)

    def bound(threshold):
        flagged = scores >= threshold
        return proven_precision(np.array([violates[flagged].sum()]), np.array([flagged.sum()]))[0]

    assert bound(found.at) == pytest.approx(found.lower_bound)
    assert found.lower_bound >= 0.8
    assert all(bound(threshold) < 0.8 for threshold in scores[scores < found.at])
    assert found.precision == pytest.approx(violates[scores >= found.at].mean())


def test_posts_with_one_score_are_never_split():
    found, _ = smallest_proven(np.full(100, 0.5), np.arange(100) < 90, 0.8)
    assert (found.at, found.precision) == (0.5, 0.9)


def test_a_policy_with_too_few_judgements_gets_no_automatic_action_and_says_so():
    labels = np.tile([0.0, 1.0], (500, 1))  # nobody was ever judged to violate self_harm
    points = OperatingPoints.derive(
        policy_set(), Evidence(KEYS, np.full((500, 2), 0.5), labels, np.full(500, "DE"))
    )
    removal = point(points, "default", "self_harm", Action.REMOVE)
    assert removal.threshold is None
    assert removal.note == "too few judged violations: 0 of 20"
    assert points.without_automatic_action() == ("self_harm",)


def test_an_objective_out_of_reach_names_the_best_bound():
    data = evidence()
    unreachable = Objectives(precision={Action.REMOVE: 0.999}, review_share=0.05, minimum_judgements=20)
    points = OperatingPoints.derive(policy_set(default=unreachable), data)
    assert "no threshold is proven to reach precision 1.00; the best bound is 0.9" in points.points[0].note


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
