import numpy as np
import pytest

from models.domain.content import Action
from models.domain.policy import Objectives, PolicySet
from models.evaluation.effects import Violations, effects
from models.evaluation.operating_points import JudgedScores, OperatingPoints
from models.evaluation.predictions import Scored
from models.policies import POLICY_SETS

KEYS = ("self_harm", "profanity", "misinformation")
KNOWN = {policy.key: policy for policy in POLICY_SETS["community_guidelines"].policies}
EASY = Objectives(
    precision={Action.LIMIT: 0.8, Action.REMOVE: 0.95},
    review_share=0.03,
    minimum_judgements=20,
    review_seconds=30,
)
GERMAN = EASY.model_copy(update={"precision": {Action.REMOVE: 0.97}, "review_share": 0.05})


def policy_set(**markets):
    policies = tuple(KNOWN[key] for key in KEYS)
    return PolicySet(name="s", title="S", policies=policies, objectives={"default": EASY} | markets)


def separable(posts, share, *, market="ZZ", judged=1):
    """Posts of which a share violates the first policy and is scored above the rest; so many policies are judged."""
    rng = np.random.default_rng(0)
    scores = rng.uniform(0, 0.01, (posts, len(KEYS)))
    scores[:, 1:] = 0.05  # where a policy begins that nobody judged
    violates = np.arange(posts) < share * posts
    scores[violates, 0] = rng.uniform(0.99, 1.0, violates.sum())
    labels = np.full((posts, len(KEYS)), np.nan)
    labels[:, :judged] = 0
    labels[violates, 0] = 1
    return Scored(
        KEYS, *(np.array([f"{name}{i}" for i in range(posts)]) for name in "p"), np.full(posts, market),
        np.full(posts, "und"), np.full(posts, "text"), np.arange(posts), labels, scores,
    )  # fmt: skip


def derived(scored, asked):
    return OperatingPoints.derive(asked, JudgedScores(KEYS, scored.logits, scored.labels, scored.market))


def shown(scored, asked, **counts):
    points = derived(scored, asked)
    violations = int(np.nansum(scored.labels[:, 0]))
    given = Violations({KEYS[0]: violations}, {KEYS[0]: counts.get("total", violations)})
    return effects(asked, points, scored, scored.logits, given)


def test_of_a_thousand_posts_it_says_what_is_done_with_them():
    found = shown(separable(1000, 0.2), policy_set())
    (market,) = found.markets
    together = market.together
    assert together.per_thousand(Action.REMOVE) == 200
    assert together.per_thousand(Action.REVIEW) == 30
    assert sum(together.actions.values()) == together.posts == 1000
    assert together.passed_per_thousand == 0
    assert together.passed_at_most == pytest.approx(2.99, abs=0.01)  # 0 of 1000: 1 - 0.05 ** (1 / 1000)
    assert market.review_minutes == pytest.approx(15)  # 30 posts of half a minute
    assert [policy.policy for policy in market.policies] == ["self_harm"]
    assert found.gaps == ()


def test_what_it_cannot_do_comes_with_how_many_judgements_would_change_that():
    found = shown(separable(100, 0.3), policy_set(), total=300)
    (gap,) = found.gaps
    assert (gap.policy, gap.action) == ("self_harm", Action.REMOVE)
    assert "the best bound is 0.90" in gap.why
    assert (
        gap.more == 290
    )  # 59 flagged without a false alarm prove 0.95: 29 more here, where one in ten comes


def test_that_many_more_judgements_do_change_it():
    few = separable(100, 0.3)
    assert derived(few, policy_set()).points[1].threshold is None
    assert derived(few, policy_set()).points[1].missing == 29
    enough = separable(59, 1.0)
    assert derived(enough, policy_set()).points[1].threshold is not None


def test_a_ranking_that_reaches_the_precision_nowhere_is_told_that_judgements_do_not_help():
    scored = separable(400, 0.5)
    scored.logits[:, 0] = 0.5
    gaps = {gap.action: gap.more for gap in shown(scored, policy_set()).gaps}
    assert gaps == {Action.REMOVE: None, Action.LIMIT: None}


def test_a_market_with_few_posts_of_its_own_is_shown_on_all_of_them():
    scored = separable(400, 0.3)
    scored.market[:20] = "DE"
    found = {market.market: market for market in shown(scored, policy_set(DE=GERMAN)).markets}
    assert (found["DE"].own, found["DE"].together.posts) == (False, 400)
    assert found["DE"].together.per_thousand(Action.REVIEW) == 50
    assert found["DE"].together.per_thousand(Action.REMOVE) == 300


def test_what_nobody_judged_is_in_no_row_and_named():
    found = shown(separable(1000, 0.2), policy_set())
    assert found.not_assessed == ("profanity", "misinformation")
    assert found.metrics()["effects.default.remove"] == 200
