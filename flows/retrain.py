"""The retraining lifecycle, read like a table of contents."""

from __future__ import annotations

from functools import partial
from typing import cast

from prefect import flow, get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.form import Approval, Data, RollOut, Training, checked, foreseen
from flows.naming import unless_typed
from flows.unfinished import TIDY
from models.evaluation.functional_file import functional_digest
from models.training.training_cost import Measurement
from tasks.data.snapshot import Snapshot, cut, pin
from tasks.plumbing.handle import Handle
from tasks.plumbing.results import RESULTS
from tasks.release.approval import approval as ask
from tasks.release.approval import is_deployed
from tasks.release.canary import canary
from tasks.release.evaluate import Evaluation, evaluate
from tasks.release.promote import promote
from tasks.release.question import answered
from tasks.release.register import Release, register, set_aside
from tasks.training.champion import incumbent
from tasks.training.cross_fit import cross_fit
from tasks.training.run import begin
from tasks.training.train import train
from tasks.training.validate import Validation, validate


class Outcome(Handle):
    """How a retraining ended; `release` is None for a candidate that its gates rejected, and not promoted for one
    that a person rejected, its canary rolled back, or that was to be registered only.
    """

    snapshot: Snapshot
    run_id: str
    measured: Measurement
    validation: Validation
    evaluation: Evaluation
    release: Release | None

    @property
    def promoted(self) -> bool:
        return self.release is not None and self.release.promoted

    @property
    def as_asked(self) -> bool:
        """Whether it came as far as it was to."""
        return self.promoted or (self.release is not None and self.release.aside)


@unless_typed
def _named() -> str:
    asked, start = flow_run.parameters, flow_run.scheduled_start_time
    return f"{asked['data'].policy_set} {start:%Y-%m-%d %H:%M} {asked['training'].preset}"


@flow(name="retrain", result_serializer=RESULTS, flow_run_name=_named, **TIDY)
def retrain(
    data: Data = Data(),
    training: Training = Training(),
    rollout: RollOut = RollOut(),
    approval: Approval = Approval(),
) -> Outcome:
    """Posts and judgements in, a champion out.

    The message of its last state says promoted, registered, rejected or rolled back, and why.
    """
    settings = checked(data, training, rollout, approval)
    versions = pin(settings, data.as_of, data.policy_set)
    for line in foreseen(settings, rollout):
        get_run_logger().warning(line)
    snapshot = cut(settings, versions, data.policy_set, training.seed)
    run = begin(settings, snapshot, training.preset, training.seed)
    champion = incumbent(settings, run, begin_anew=rollout.begin_anew)
    validation = validate(settings, snapshot, champion, run)
    candidate = train(settings, run, snapshot, training.resources)
    candidate = cross_fit(settings, run, candidate)
    evaluation = evaluate(settings, candidate, champion, validation.warnings, functional_digest())
    outcome = partial(
        Outcome,
        snapshot=snapshot,
        run_id=run.run_id,
        measured=candidate.measured,
        validation=validation,
        evaluation=evaluation,
    )
    if not evaluation.passed:
        return _ended("Rejected", "see the gates", outcome(release=None))
    release = register(settings, candidate, evaluation)
    if early := rollout.ends_early(training, beside_champion=champion is not None):
        return _ended("Registered", early, outcome(release=set_aside(settings, release, early)))
    if approval.when == "before canary":
        answer = ask(settings, release, evaluation, "before canary", approval.hours)
        if not answer.approved:
            return _ended("Rejected", answer.told, outcome(release=release.because(answer.told)))
    if champion is not None and rollout.canary:
        ways = {"hold": approval.when == "before promotion", "leave": is_deployed()}
        drive = partial(canary, settings, release, snapshot, rollout.plan, rollout.dry_run, **ways)
        release = answered(settings, drive, approval.hours)
        if not release.held:
            name = "Promoted" if release.promoted else "Rolled back"
            return _ended(name, release.reason, outcome(release=release))
    if approval.when == "before promotion":
        answer = ask(settings, release, evaluation, "before promotion", approval.hours)
        if not answer.approved:
            return _ended("Rejected", answer.told, outcome(release=release.because(answer.told)))
    release = promote(settings, release, begin_anew=rollout.begin_anew)
    return _ended("Promoted", release.reason, outcome(release=release))


def _ended(verdict: str, why: str, outcome: Outcome) -> Outcome:
    """Prefect gives the state to its server and the state's data to the caller.

    The state keeps its standard name: the run list of Prefect's page leaves others out.
    """
    return cast("Outcome", Completed(message=f"{verdict}: {why}" if why else verdict, data=outcome))
