import json

import pytest
from tiny_model import LEARNED, POLICIES, make_candidate, make_champion, run_of, write_model

from expectations.findings import DataFinding
from infra.registry import Registry
from models.bundle.bundle import Bundle
from models.domain.content import Action
from models.domain.policy import Objectives
from models.evaluation.effects import Effects
from models.evaluation.predictions import score_splits
from models.inference.precision import Precision
from models.inference.scorer import Scorer
from models.policies import POLICY_SETS
from tasks.release.evaluate import evaluate
from tasks.release.promote import promote
from tasks.release.register import RejectedCandidateError, register
from tasks.training.champion import incumbent


@pytest.fixture
def candidate(settings):
    return make_candidate(settings)


def verdicts(evaluation):
    return {check.gate: check.passed for check in evaluation.gates}


def test_a_first_champion_meets_the_absolute_gates_alone(settings, candidate):
    champion = incumbent.fn(settings, run_of(candidate))
    evaluation = evaluate.fn(settings, candidate, champion)
    assert champion is None
    assert evaluation.passed
    assert set(verdicts(evaluation)) == {
        "better_than_chance", "calibrated", "faithful_export", "fast_enough", "small_enough", "acts",
    }  # fmt: skip


def test_evaluation_is_kept_in_the_candidates_mlflow_run(settings, candidate):
    evaluation = evaluate.fn(settings, candidate, None)
    client = Registry(settings).client
    run = client.get_run(candidate.run_id)
    assert run.data.metrics["macro_average_precision"] == evaluation.metrics.macro_average_precision
    assert run.data.metrics["average_precision.violence"] == evaluation.metrics.average_precision["violence"]
    assert "average_precision.profanity" not in run.data.metrics  # nobody was judged to violate it
    assert run.data.tags["moderato.verdict"] == "accepted"
    assert "mlflow.note.content" in run.data.tags
    (figures,) = client.search_runs(
        [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{candidate.run_id}'"
    )
    assert figures.info.run_name == "evaluation"
    assert {"macro_average_precision.low", "slice.market.DE"} <= set(figures.data.metrics)
    names = {entry.path.partition("/")[2] for entry in client.list_artifacts(candidate.run_id, "evaluation")}
    assert names == {
        "model-card.md", "model-card.html", "gates.md", "gates.json", "report.json", "operating_points.json",
        "slices.csv", "beside.md", "precision-recall.png", "reliability.png", "scores.png", "effects.md",
        "effects.json", "worst-mistakes.json", "scores.parquet",
    }  # fmt: skip


def test_run_and_card_say_which_precision_is_served_and_what_both_come_to(settings, candidate):
    write_model(candidate.folder / "model", int8=True)
    evaluation = evaluate.fn(settings, candidate, None)
    run = Registry(settings).client.get_run(candidate.run_id)
    precision = Precision.read(evaluation.bundle)
    assert precision.name == run.data.tags["moderato.serves"] == "int8"
    assert run.data.metrics["serving_float32_average_precision"] == precision.float_average_precision
    assert run.data.metrics["serving_int8_average_precision"] == precision.int8_average_precision
    card = (evaluation.report / "model-card.md").read_text()
    assert "Served from `model.int8.onnx`. Int8: no loss beyond the bounds." in card
    assert (
        f"{precision.float_average_precision:.3g} in float32, {precision.int8_average_precision:.3g} in int8"
        in card
    )


def test_without_a_wish_for_eight_bits_the_card_names_the_float_file_alone(settings, candidate):
    evaluation = evaluate.fn(settings, candidate, None)
    card = (evaluation.report / "model-card.md").read_text()
    assert "Served from `model.onnx`. The preset does not ask for 8-bit weights." in card
    assert "int8" not in card


def test_the_card_repeats_what_validation_warned_of(settings, candidate):
    warning = DataFinding(
        suite="snapshot", expectation="MarketCoverage", description="d", observed="no post from JP"
    )
    evaluation = evaluate.fn(settings, candidate, None, (warning,))
    assert "MarketCoverage (d): no post from JP" in (evaluation.report / "model-card.md").read_text()


def test_the_card_counts_the_posts_that_the_snapshot_left_out_by_why(settings, candidate):
    assert "in no split" not in (evaluate.fn(settings, candidate, None).report / "model-card.md").read_text()
    snapshot = candidate.snapshot.model_copy(
        update={"dropped": {"straddles the time cut": 1234, "has no judgement": 0}}
    )
    assert snapshot.told.endswith("; left out: 1,234 straddles the time cut")
    lacking = candidate.model_copy(update={"snapshot": snapshot})
    card = (evaluate.fn(settings, lacking, None).report / "model-card.md").read_text()
    assert "- 1,234: straddles the time cut" in card
    assert "has no judgement" not in card


def test_evaluating_again_finds_the_same(settings, candidate):
    first, second = (evaluate.fn(settings, candidate, None) for _ in range(2))
    assert first.metrics == second.metrics
    assert first.digest == second.digest


def bundle_of(evaluation):
    return Bundle.load(evaluation.bundle, threads=1)


def test_where_the_splits_are_small_test_posts_prove_thresholds_too_and_are_measured_by_others_fits(settings):
    evaluation = evaluate.fn(settings, make_candidate(settings, posts=1600), None)
    points = bundle_of(evaluation).operating_points
    assert points.derived_from == ("calibration", "validation", "test")
    judged = next(point.judged for point in points.points if point.market == "default")
    assert judged > 800  # of 1,200 posts, a fifth of which is unknown; calibration and validation hold 600
    assert evaluation.effects.posts == 1200


def test_scores_out_of_fold_prove_thresholds_and_leave_the_test_split_apart(settings, candidate):
    path = candidate.folder / "scores.npz"
    score_splits(Scorer.load(candidate.folder / "model"), candidate.snapshot.uri, ["train"]).keep(path)
    evaluation = evaluate.fn(settings, candidate.model_copy(update={"out_of_fold": (path,)}), None)
    points = bundle_of(evaluation).operating_points
    assert points.derived_from == ("calibration", "validation", "out of fold")
    held = (
        (evaluation.report / "model-card.md")
        .read_text()
        .partition("## Automatic actions on the test split")[2]
    )
    row = next(line for line in held.splitlines() if line.startswith("| other markets | violence |"))
    assert int(row.split("|")[4]) <= candidate.snapshot.counts["test"]
    assert evaluation.effects.posts == sum(candidate.snapshot.counts.values())


@pytest.mark.slow
def test_where_they_are_large_the_test_split_stays_apart(settings):
    evaluation = evaluate.fn(settings, make_candidate(settings, posts=6400), None)
    assert bundle_of(evaluation).operating_points.derived_from == ("calibration", "validation")


def test_what_this_champion_will_do_is_in_the_card_the_run_and_the_result(settings, candidate):
    evaluation = evaluate.fn(settings, candidate, None)
    together = evaluation.effects.markets[0].together
    assert together.touched > 0
    card = (evaluation.report / "model-card.md").read_text()
    assert card.index("## What this champion will do") < card.index("## Quality on the test split")
    assert f"Counted on {evaluation.effects.posts:,} judged posts that it did not learn from." in card
    assert (
        "does not remove in other markets" in card
    )  # with one word in ten no sign of a violation, 0.95 is not proven
    run = Registry(settings).client.get_run(candidate.run_id)
    assert run.data.metrics["effects.default.remove"] == together.per_thousand(Action.REMOVE)
    assert run.data.metrics["effects.DE.review_minutes"] > 0
    assert run.data.tags["moderato.will_do"].startswith("of 1,000 posts in other markets: remove 0, review 3")
    assert all(f"| {check.gate} |" in run.data.tags["mlflow.note.content"] for check in evaluation.gates)
    kept = json.loads((evaluation.report / "effects.json").read_text())
    assert Effects.model_validate(kept) == evaluation.effects


def test_policies_that_nobody_judged_are_named_in_the_card_and_measured_nowhere(settings):
    evaluation = evaluate.fn(settings, make_candidate(settings, unjudged=("profanity",)), None)
    card = (evaluation.report / "model-card.md").read_text()
    assert "- Not assessed, because nobody judged a post for them: profanity." in card
    assert evaluation.effects.not_assessed == ("profanity",)


def test_a_model_that_acts_on_nothing_and_asks_nobody_is_rejected_with_the_table(
    settings, candidate, monkeypatch
):
    idle = Objectives(precision={Action.REMOVE: 1.0}, review_share=0, minimum_judgements=20)
    asking = POLICY_SETS[candidate.snapshot.policy_set].model_copy(update={"objectives": {"default": idle}})
    monkeypatch.setattr("tasks.release.evaluate.policy_set_as", lambda name, digest: asking)
    evaluation = evaluate.fn(settings, candidate, None)
    assert verdicts(evaluation)["acts"] is False
    assert evaluation.effects.markets[0].together.touched == 0
    card = (evaluation.report / "model-card.md").read_text()
    assert "More judgements like these would not change that" in card


def test_the_card_names_policies_without_automatic_action_and_why(settings, candidate):
    evaluation = evaluate.fn(settings, candidate, None)
    card = (evaluation.report / "model-card.md").read_text()
    idle = POLICIES[len(LEARNED) :]
    named = next(line for line in card.splitlines() if line.startswith("- No automatic action"))
    assert all(policy in named for policy in idle)
    assert "too few judged violations: 0 of 20" in card
    assert f"The test split cannot measure: {', '.join(idle)}." in card
    assert "<table>" in (evaluation.report / "model-card.html").read_text()


def test_a_model_that_knows_nothing_is_rejected_and_never_registered(settings):
    candidate = make_candidate(settings, strength=0.0)
    evaluation = evaluate.fn(settings, candidate, None)
    assert not evaluation.passed
    assert verdicts(evaluation)["better_than_chance"] is False
    assert Registry(settings).client.get_run(candidate.run_id).data.tags["moderato.verdict"] == "rejected"
    with pytest.raises(RejectedCandidateError) as error:
        register.fn(settings, candidate, evaluation)
    assert (
        str(error.value) == f"candidate {candidate.key[:16]} failed better_than_chance; it is not registered"
    )
    assert error.value.exit_code == 3
    assert Registry(settings).versions() == []


@pytest.mark.slow
def test_a_candidate_that_lost_what_the_champion_knew_is_rejected(settings):
    make_champion(settings, seed=0, strength=6.0)
    worse = make_candidate(settings, seed=1, strength=0.7, posts=3200)
    evaluation = evaluate.fn(settings, worse, incumbent.fn(settings, run_of(worse)))
    assert verdicts(evaluation)["not_worse_overall"] is False
    assert verdicts(evaluation)["not_worse_on_a_slice"] is False
    assert evaluation.metrics.champion_macro_average_precision > evaluation.metrics.macro_average_precision
    tags = Registry(settings).client.get_run(worse.run_id).data.tags
    assert tags["moderato.failed_gates"] == "not_worse_on_a_slice, not_worse_overall"


@pytest.mark.slow
def test_a_run_repeated_after_its_promotion_meets_the_champion_that_it_met_before(settings):
    first = make_champion(settings, seed=0)
    candidate = make_candidate(settings, seed=1, strength=7.0)
    met = incumbent.fn(settings, run_of(candidate))
    release = register.fn(settings, candidate, evaluate.fn(settings, candidate, met))
    promoted = promote.fn(settings, release)
    assert (met.version, promoted.version, promoted.previous_champion) == (first.version, 2, first.version)
    assert incumbent.fn(settings, run_of(candidate)) == met
    assert (
        promote.fn(settings, register.fn(settings, candidate, evaluate.fn(settings, candidate, met)))
        == promoted
    )
    assert Registry(settings).champion().version == 2


@pytest.mark.slow
def test_the_comparison_leaves_out_what_the_champion_learned(settings):
    champion = make_champion(settings, seed=0)
    candidate = make_candidate(settings, seed=1)
    evaluation = evaluate.fn(settings, candidate, incumbent.fn(settings, run_of(candidate)))
    compared = json.loads((evaluation.report / "comparison.json").read_text())
    assert (compared["champion"], compared["excluded"]) == (champion.version, 0)
    assert compared["posts"] == candidate.snapshot.counts["test"]


def test_a_test_split_of_three_posts_is_not_measurable_and_nothing_breaks(settings):
    evaluation = evaluate.fn(settings, make_candidate(settings, posts=8), None)
    assert evaluation.metrics.average_precision["profanity"] is None
    assert not evaluation.passed
    assert "not measurable" in (evaluation.report / "model-card.md").read_text()
