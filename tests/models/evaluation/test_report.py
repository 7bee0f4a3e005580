import numpy as np
import pytest
from sklearn.metrics import average_precision_score
from tiny_model import LEARNED, POLICIES, write_model, write_snapshot

from models.evaluation.comparison import compare
from models.evaluation.predictions import Scored, learned_posts, score_splits
from models.evaluation.report import measure
from models.inference.scorer import Scorer

PRECISIONS = {"limit": 0.7}


def made_up(posts=400, *, noise=1.0, seed=0, policies=("a", "b"), labels=None):
    """Posts whose logits follow their labels, blurred by noise."""
    rng = np.random.default_rng(7)
    labels = (rng.random((posts, len(policies))) < 0.3).astype(float) if labels is None else labels
    blur = np.random.default_rng(seed).normal(0, noise, labels.shape)
    return Scored(
        policies=policies,
        post_id=np.array([f"p{i}" for i in range(posts)]),
        market=np.where(np.arange(posts) % 2 == 0, "DE", "US"),
        language=np.full(posts, "de"),
        modality=np.full(posts, "text"),
        cluster=np.arange(posts),
        labels=labels,
        logits=np.nan_to_num(labels) * 2 + blur,
    )


def report_of(scored):
    return measure(scored, 1 / (1 + np.exp(-scored.logits)), PRECISIONS, seed=0)


def test_figures_are_those_of_the_judged_posts_alone():
    scored = made_up()
    scored.labels[:200, 0] = np.nan
    report = report_of(scored)
    judged = slice(200, None)
    expected = average_precision_score(scored.labels[judged, 0] >= 0.5, scored.logits[judged, 0])
    assert report.policies[0].average_precision.value == pytest.approx(expected, abs=1e-5)
    assert report.policies[0].judged == 200
    figures = [policy.average_precision.value for policy in report.policies]
    assert report.macro_average_precision.value == pytest.approx(np.mean(figures), abs=1e-6)


def test_intervals_hold_the_value_and_shrink_with_posts():
    few, many = (report_of(made_up(posts)).macro_average_precision for posts in (200, 3200))
    for figure in (few, many):
        assert figure.low < figure.value < figure.high
    assert many.high - many.low < (few.high - few.low) / 2


def test_the_same_seed_gives_the_same_intervals():
    assert report_of(made_up()) == report_of(made_up())


def test_a_policy_without_violations_or_judgements_is_not_measurable_and_left_out_of_the_mean():
    labels = np.full((300, 3), np.nan)
    labels[:, 0] = np.arange(300) % 4 == 0
    labels[:, 1] = 0
    report = report_of(made_up(300, policies=("a", "b", "c"), labels=labels))
    assert [p.average_precision.value for p in report.policies[1:]] == [None, None]
    assert report.policies[1].recall["limit"].value is None
    assert report.policies[2].calibration_error.value is None
    assert report.macro_average_precision.value == report.policies[0].average_precision.value
    assert report.metrics()["average_precision.b"] is None


def test_an_empty_test_split_is_not_measurable():
    empty = made_up().where(np.zeros(400, bool))
    report = report_of(empty)
    assert report.posts == 0
    assert report.macro_average_precision.value is None
    assert report.chance.value is None
    assert report.slices == ()


def test_every_market_language_and_modality_is_a_slice():
    names = {(part.dimension, part.name, part.posts) for part in report_of(made_up()).slices}
    assert names == {
        ("market", "DE", 200),
        ("market", "US", 200),
        ("language", "de", 400),
        ("modality", "text", 400),
    }


def test_a_ranking_by_chance_lies_where_shuffled_rankings_lie():
    scored = made_up(1000)
    scored.logits[:] = np.random.default_rng(5).random(scored.logits.shape)
    report = report_of(scored)
    assert report.chance.low < report.macro_average_precision.value < report.chance.high
    assert report.chance.value == pytest.approx((scored.labels >= 0.5).mean(), abs=0.02)


def test_a_slice_with_hardly_any_violations_says_nothing():
    scored = made_up()
    scored.labels[::2] = 0
    german = next(part for part in report_of(scored).slices if part.name == "DE")
    assert (german.policies, german.average_precision.value) == ((), None)


def test_a_clearly_worse_candidate_is_worse_beyond_noise_and_a_twin_is_not():
    champion = made_up(2000, noise=1.0)
    worse, twin = (
        compare(made_up(2000, noise=n, seed=1), champion, None, version=1, seed=0) for n in (2.0, 1.0)
    )
    assert worse.overall.credible < 0
    assert twin.overall.credible > 0
    assert worse.overall.difference.high < 0


def test_a_slice_that_got_worse_is_found_although_the_mean_did_not():
    champion, candidate = made_up(4000, noise=1.0), made_up(4000, noise=0.5, seed=2)
    candidate.logits[::2] = made_up(4000, noise=3.0, seed=3).logits[::2]
    found = {
        part.name: part.credible for part in compare(candidate, champion, None, version=1, seed=0).slices
    }
    assert found["market DE"] < -0.03
    assert found["market US"] > 0


def test_posts_that_the_champion_learned_from_are_left_out_and_counted():
    champion, candidate = made_up(), made_up(seed=1)
    learned = np.array([f"p{i}" for i in range(150)] + ["elsewhere"])
    found = compare(candidate, champion, learned, version=3, seed=0)
    assert (found.champion, found.posts, found.excluded) == (3, 250, 150)
    assert compare(candidate, champion, None, version=3, seed=0).excluded is None


def test_when_nothing_is_left_to_compare_the_difference_is_undefined():
    scored = made_up()
    found = compare(scored, scored, scored.post_id, version=1, seed=0)
    assert (found.overall.difference.value, found.overall.credible, found.slices) == (None, None, ())


def test_only_policies_that_both_know_are_compared():
    ours, theirs = made_up(policies=("a", "b")), made_up(policies=("c", "a"))
    assert [part.name for part in compare(ours, theirs, None, version=1, seed=0).policies] == ["a"]


def test_a_split_is_scored_with_its_labels_markets_and_modalities(tmp_path):
    uri = str(tmp_path / "snapshot.lance")
    counts = write_snapshot(uri, posts=400)
    scorer = Scorer.load(write_model(tmp_path / "model"), threads=1)
    scored = score_splits(scorer, uri, ["test"])
    assert len(scored) == counts["test"]
    assert set(scored.modality) == {"text", "both"}
    assert scored.labels.shape == scored.logits.shape == (counts["test"], len(POLICIES))
    known = ~np.isnan(scored.labels[:, 0])
    assert average_precision_score(scored.labels[known, 0], scored.logits[known, 0]) > 0.6
    assert len(learned_posts(uri)) == counts["train"]
    assert not set(learned_posts(uri)) & set(scored.post_id)
    assert learned_posts(str(tmp_path / "gone.lance")) is None
    report = measure(scored, scored.logits, PRECISIONS, seed=0)
    assert [p.policy for p in report.policies if p.average_precision.value is not None] == list(LEARNED)
