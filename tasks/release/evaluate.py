"""Judge a candidate: calibrate it, measure it, compare it with the champion and ask the gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from prefect import task
from prefect.runtime import flow_run

from expectations.findings import DataFinding
from infra.lake import open_lake
from infra.markdown import code, plain
from infra.markdown import link as link_to
from infra.registry import Registry, Status, mark_run
from infra.registry.runs import NOTE, LifecycleRun
from infra.report import (
    MISTAKES,
    Findings,
    Seen,
    beside_table,
    effects_summary,
    effects_table,
    functional_metrics,
    functional_table,
    gate_table,
    seen,
    write_report,
)  # fmt: skip
from infra.settings import Settings
from infra.snapshots import unjudged_posts
from infra.weights import kept_embeddings
from models.bundle.assembly import Assembled, assemble, latency
from models.bundle.bundle import Bundle
from models.bundle.functional import SuiteResult, run_suites
from models.bundle.manifest import size_of
from models.domain.policy import DEFAULT_MARKET, PolicySet
from models.evaluation.comparison import Comparison, compare
from models.evaluation.cross_fit import Held, cross_fitted, evidence_of, unseen
from models.evaluation.effects import Effects, Violations, effects, on_unjudged
from models.evaluation.functional_file import functional_suites
from models.evaluation.held_out import HeldOut, held_out
from models.evaluation.mistakes import worst_mistakes
from models.evaluation.predictions import Scored, joined, kept, learned_posts, score_splits
from models.evaluation.report import Report, measure
from models.evaluation.stored_scores import NAME, StoredScores, write_scores
from models.evaluation.thresholds import MAJORITY
from tasks.data.policy_set import policy_set_as
from tasks.gates import GATES
from tasks.gates.base.gate import Check, Evidence
from tasks.plumbing.artifacts import link, run_url, tell
from tasks.plumbing.caching import ON_DATA_AND_CONFIGURATION
from tasks.plumbing.handle import Handle
from tasks.plumbing.retrying import PATIENT
from tasks.plumbing.story import tells
from tasks.release.compare import scored_by
from tasks.training.champion import Champion
from tasks.training.train import Candidate

Floats = NDArray[np.floating]

NOTED = 8000  # characters of a tag
TEST = "test"
VERDICT, FAILED, SERVES = "moderato.verdict", "moderato.failed_gates", "moderato.serves"
NOT_ASSESSED, WILL = "moderato.not_assessed", "moderato.will_do"


class Metrics(Handle):
    """On the test split; None where it cannot tell."""

    macro_average_precision: float | None
    macro_calibration_error: float | None
    average_precision: dict[str, float | None]
    recall_at_precision: dict[str, dict[str, float | None]]
    champion_macro_average_precision: float | None


class Evaluation(Handle):
    """The verdict on a candidate, and the bundle that it would be registered as."""

    run_id: str
    bundle: Path
    digest: str
    report: Path
    metrics: Metrics
    gates: tuple[Check, ...]
    passed: bool
    effects: Effects

    def story(self) -> str:
        failed = [f"{check.gate} of {check.subject}" for check in self.gates if not check.passed]
        held = f"failed {', '.join(failed)}" if failed else f"all {len(self.gates)} checks passed"
        ours, theirs = (
            self.metrics.macro_average_precision,
            self.metrics.champion_macro_average_precision,
        )
        beside = "" if theirs is None else f" beside the champion's {theirs:.3f}"
        figure = "average precision unknown" if ours is None else f"average precision {ours:.3f}{beside}"
        return f"{figure}; {held}"


@task(name="evaluate", cache_policy=ON_DATA_AND_CONFIGURATION, persist_result=True, **PATIENT)
@tells(Evaluation.story)
def evaluate(
    settings: Settings,
    candidate: Candidate,
    champion: Champion | None,
    warnings: tuple[DataFinding, ...] = (),
    suites: str = "",  # noqa: ARG001 - a part of the key
) -> Evaluation:
    """Measure the candidate on its snapshot's test split; a failed gate is a verdict, not an error.

    `warnings` are what validation found and let pass: the model card repeats them. `suites` is the digest of the
    project's functional suites: where they change, what was evaluated is evaluated again.
    """
    policy_set, uri = (
        policy_set_as(candidate.snapshot.policy_set, candidate.snapshot.policy_digest),
        candidate.snapshot.uri,
    )
    options, folder = settings.options_for(uri), candidate.folder / "bundle"
    lake = open_lake(settings)
    assembled = assemble(
        folder,
        candidate.folder / "model",
        uri,
        policy_set,
        storage_options=options,
        threads=settings.threads,
        out_of_fold=joined([kept(path) for path in candidate.out_of_fold]) if candidate.out_of_fold else None,
        kept=kept_embeddings(settings),
        unjudged=unjudged_posts(
            lake, candidate.snapshot.versions, policy_set, candidate.seed, settings.work / "snapshots"
        ),
    )
    bundle = Bundle.load(folder, threads=settings.threads, kept=kept_embeddings(settings))
    scored = score_splits(bundle.scorer, uri, [TEST], options)
    held = _held(bundle, assembled, scored)
    probabilities = unseen(held, scored)
    among_judged = bundle.calibration.among_judged(probabilities)
    report = measure(scored, among_judged, _precisions(policy_set), seed=candidate.seed)
    comparison = _compare(settings, candidate, champion, scored) if champion else None
    evidence = Evidence(
        report=report,
        comparison=comparison,
        operating_points=bundle.operating_points,
        effects=_effects(bundle, assembled, scored),
        latency_ms=latency(bundle, uri, options),
        size_bytes=size_of(folder),
        parity=bundle.scorer.about.parity,
        functional=_functional(settings, bundle, champion),
    )
    checks = tuple(check for gate in GATES for check in gate.checks(evidence))
    findings = _findings(
        candidate,
        bundle,
        evidence,
        checks,
        warnings,
        held_out(bundle.operating_points, held),
    )
    findings = replace(findings, mistakes=_seen(settings, bundle, uri, scored, probabilities))
    report_folder = write_report(candidate.folder / "evaluation", findings, scored, probabilities)
    write_scores(report_folder / NAME, _scores(bundle, assembled, scored))
    evaluation = Evaluation(
        run_id=candidate.run_id,
        bundle=folder,
        digest=assembled.digest,
        report=report_folder,
        metrics=_metrics(report, comparison),
        gates=checks,
        passed=all(check.passed for check in checks),
        effects=evidence.effects,
    )
    _log(settings, evaluation, findings, evidence)
    return evaluation


def _seen(
    settings: Settings, bundle: Bundle, uri: str, scored: Scored, probabilities: Floats
) -> tuple[Seen, ...]:
    """The worst mistakes with their posts, as many as the settings let the card show."""
    severities = {policy.key: policy.severity for policy in bundle.policy_set.policies}
    found = worst_mistakes(scored, probabilities, severities, settings.card_mistakes)
    return seen(found, uri, settings.options_for(uri))


def _functional(settings: Settings, bundle: Bundle, champion: Champion | None) -> tuple[SuiteResult, ...]:
    """The project's functional suites; the champion is only loaded where there are any."""
    suites = functional_suites(bundle.policies)
    if not suites or champion is None:
        return run_suites(suites, bundle)
    registry = Registry(settings)
    fetched = registry.fetch(registry.resolve(str(champion.version)))
    return run_suites(suites, bundle, Bundle.load(fetched, threads=settings.threads))


def _held(bundle: Bundle, assembled: Assembled, scored: Scored) -> list[Held]:
    """Test posts by what was fitted without them; where they were needed to fit, each fold by what the others fit."""
    points = bundle.operating_points
    if TEST in points.derived_from:
        return cross_fitted(bundle.policy_set, assembled.judged, points.assessed or (), assembled.unjudged)
    return [Held(scored, bundle.calibration(scored.logits), points)]


def _scores(bundle: Bundle, assembled: Assembled, scored: Scored) -> StoredScores:
    """What other objectives are tried on (tasks.scoring.what_if): out-of-fold scores exist nowhere else afterwards."""
    assessed = bundle.operating_points.assessed or ()
    fresh = scored.where(~np.isin(scored.post_id, assembled.judged.post_id))
    derived = evidence_of(bundle.calibration, assembled.judged, assessed, assembled.unjudged)
    return StoredScores(derived, evidence_of(bundle.calibration, fresh, assessed))


def _effects(bundle: Bundle, assembled: Assembled, scored: Scored) -> Effects:
    """On every post that the network did not learn from."""
    points, judged, tally = bundle.operating_points, assembled.judged, assembled.tally
    fresh = scored.where(~np.isin(scored.post_id, judged.post_id))
    shown = joined([judged, fresh])
    violates = (judged.labels >= MAJORITY).sum(axis=0)
    used = dict(zip(judged.policies, violates.tolist(), strict=True))
    share = len(judged) / max(1, sum(tally.posts.values()))
    violations = Violations(used, tally.violating(), share)
    evidence = evidence_of(bundle.calibration, shown, points.assessed or (), assembled.unjudged)
    outside = on_unjudged(points, evidence)
    return effects(bundle.policy_set, points, shown, evidence.scores, violations, outside)


def _findings(
    candidate: Candidate,
    bundle: Bundle,
    evidence: Evidence,
    checks: tuple[Check, ...],
    warnings: tuple[DataFinding, ...],
    promises: Sequence[HeldOut],
) -> Findings:
    return Findings(
        candidate=candidate.key,
        made_at=datetime.now(UTC),
        snapshot=candidate.snapshot.id,
        preset=candidate.preset,
        counts=candidate.snapshot.counts,
        left_out=candidate.snapshot.dropped,
        warnings=[str(warning) for warning in warnings],
        policy_set=bundle.policy_set,
        modalities=bundle.scorer.modalities,
        report=evidence.report,
        comparison=evidence.comparison,
        operating_points=bundle.operating_points,
        effects=evidence.effects,
        held_out=promises,
        calibration=bundle.calibration,
        precision=bundle.scorer.precision,
        functional=evidence.functional,
        checks=[check.model_dump() | {"verdict": check.verdict} for check in checks],
    )


def _precisions(policy_set: PolicySet) -> dict[str, float]:
    return {
        str(action): least for action, least in policy_set.objectives_for(DEFAULT_MARKET).precision.items()
    }


def _compare(settings: Settings, candidate: Candidate, champion: Champion, scored: Scored) -> Comparison:
    """Champion and candidate on the same test posts, without those that the champion learned from."""
    registry, lake = Registry(settings), open_lake(settings)
    theirs = scored_by(registry, registry.resolve(str(champion.version)), candidate.snapshot.uri)
    learned = learned_posts(lake.snapshot(champion.snapshot), lake.storage_options)
    return compare(scored, theirs, learned, version=champion.version, seed=candidate.seed)


def _metrics(report: Report, comparison: Comparison | None) -> Metrics:
    return Metrics(
        macro_average_precision=report.macro_average_precision.value,
        macro_calibration_error=report.macro_calibration_error.value,
        average_precision={policy.policy: policy.average_precision.value for policy in report.policies},
        recall_at_precision={
            p.policy: {name: r.value for name, r in p.recall.items()} for p in report.policies
        },
        champion_macro_average_precision=comparison.overall.champion if comparison else None,
    )


def _log(settings: Settings, evaluation: Evaluation, findings: Findings, evidence: Evidence) -> None:
    registry, precision = Registry(settings), findings.precision
    run = LifecycleRun(registry, evaluation.run_id)
    run.metrics(_known(evidence.report.metrics()))
    figures = run.child("evaluation")
    figures.metrics(_known(evidence.report.bounds()))
    figures.finish()
    run.metrics({"latency_p95_ms": evidence.latency_ms, "bundle_bytes": evidence.size_bytes})
    run.metrics(precision.metrics() | findings.effects.metrics() | functional_metrics(findings.functional))
    failed = sorted({check.gate for check in evaluation.gates if not check.passed})
    verdict = "accepted" if evaluation.passed else "rejected"
    idle = ", ".join(findings.effects.not_assessed)
    tags = {VERDICT: verdict, FAILED: ", ".join(failed), SERVES: precision.name}
    tags |= {NOT_ASSESSED: idle, WILL: findings.effects.told}
    run.describe({}, tags)
    run.artifacts(evaluation.report, "evaluation")
    run.tables(*([f"evaluation/{MISTAKES}"] if findings.mistakes else []))
    run.describe({}, {NOTE: _note(run, findings, verdict)})
    mark_run(registry, evaluation.run_id, Status(verdict))
    if not evaluation.passed:
        registry.client.set_terminated(evaluation.run_id)
    tell("evaluation", beside_table(findings), "Candidate beside champion")
    tell("effects", effects_table(findings.effects), "What this champion will do")
    if findings.functional:
        tell("functional", functional_table(findings.functional), "Functional suites")
    tell("gates", gate_table(findings), f"Gates: {verdict}")
    link("model-card", run_url(registry, run.run_id, "evaluation/model-card.html"), "model card")


def _known(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}


def _note(run: LifecycleRun, findings: Findings, verdict: str) -> str:
    """What a reviewer reads first on the run's page."""
    pages = {
        "model card": run_url(run.registry, run.run_id, "evaluation/model-card.html"),
        "Data Docs": run_url(run.registry, run.run_id, "data_docs/index.html"),
        "Prefect": flow_run.ui_url,
    }
    links = ", ".join(link_to(name, url) for name, url in pages.items() if url)
    head = f"**{verdict}** on snapshot {code(findings.snapshot[:12])}; {plain(findings.effects.told)}"
    parts = [head, links, effects_summary(findings.effects), beside_table(findings), gate_table(findings)]
    return _fitting([part for part in parts if part])


def _fitting(parts: Sequence[str]) -> str:
    """As many of the parts, in their order, as a tag of MLflow holds: a table that was cut is none."""
    kept_whole, left = [], NOTED
    for part in parts:
        if len(part) + 2 <= left:
            kept_whole.append(part)
            left -= len(part) + 2
    return "\n\n".join(kept_whole)
