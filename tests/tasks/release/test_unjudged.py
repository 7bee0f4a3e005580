"""Before a candidate acts it is scored on posts that nobody judged, and says what it would do to them."""

import json

import lake_rows
import pytest
from tiny_model import POLICIES, make_candidate

from infra.lake import open_lake
from models.bundle.bundle import Bundle
from models.domain.content import Action
from models.evaluation.effects import Effects
from models.evaluation.stored_scores import NAME, read_scores
from tasks.release.evaluate import evaluate

WORD = POLICIES[0]


def beside(settings, candidate, texts):
    """The candidate, whose lake holds posts with these texts besides, that nobody judged."""
    posts = [lake_rows.post(number, text=text) for number, text in enumerate([*texts, "judged"])]
    lake_rows.put(open_lake(settings), posts, [lake_rows.judgement(posts[-1]["post_id"])])
    versions = {name: getattr(open_lake(settings), name).open().version for name in ("posts", "judgements")}
    snapshot = candidate.snapshot.model_copy(update={"versions": versions})
    return candidate.model_copy(update={"snapshot": snapshot})


def plain(number, extra=""):
    return " ".join(
        [*(f"plain{(number // 8**place) % 8}" for place in range(3)), f"n{number}", extra]
    ).strip()


@pytest.fixture
def candidate(settings):
    return make_candidate(settings)


def automatic(evaluation, policy=WORD):
    points = Bundle.load(evaluation.bundle, threads=1).operating_points.points
    return [
        it
        for it in points
        if it.policy == policy and it.action is not Action.REVIEW and it.market == "default"
    ]


def test_without_unjudged_posts_nothing_changes_and_the_card_says_so(settings, candidate):
    evaluation = evaluate.fn(settings, candidate, None)
    assert evaluation.effects.unjudged.posts == 0
    assert "No unjudged posts: nothing says whether" in (evaluation.report / "model-card.md").read_text()


def test_strange_posts_that_it_would_act_on_take_the_action_away(settings, candidate):
    """Each says a policy's word thrice, which no judged post does."""
    before = evaluate.fn(settings, candidate, None)
    assert any(it.threshold is not None for it in automatic(before))
    strange = [plain(number, f"{WORD} {WORD} {WORD}") for number in range(400)]
    after = evaluate.fn(settings, beside(settings, candidate, strange), None)
    assert all(it.threshold is None for it in automatic(after))
    (found,) = [it for it in after.effects.unjudged.prevalence if it.policy == WORD]
    assert found.verdict == "unlike"
    told = (after.report / "effects.md").read_text()
    assert "withheld: it would act on 100.0 % of 400 unjudged posts" in told
    assert "Judgements of some of those posts would change that" in told


def test_where_unjudged_posts_violate_less_probabilities_and_thresholds_follow(settings, candidate):
    harmless = [plain(number) for number in range(512)]
    after = evaluate.fn(settings, beside(settings, candidate, harmless), None)
    found = {it.policy: it for it in after.effects.unjudged.prevalence}[WORD]
    assert found.verdict in ("shifted", "unlike")
    assert found.judged > 0.08
    shares = after.effects.unjudged.shares
    assert sum(shares.values()) == pytest.approx(1)
    assert shares[Action.REMOVE] <= 0.01
    card = (after.report / "model-card.html").read_text()
    assert f"Of a thousand of {after.effects.unjudged.posts} posts that nobody judged: " in card
    kept = json.loads((after.report / "effects.json").read_text())
    assert Effects.model_validate(kept) == after.effects
    stored = read_scores(after.report / NAME)
    assert len(stored.derived.unjudged) == after.effects.unjudged.posts
    assert stored.derived.unjudged.prevalence[WORD] == found
    assert all(check.passed for check in after.gates if check.gate in ("plausible", "calibrated"))
