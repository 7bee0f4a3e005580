"""`moderato retrain`: the whole lifecycle, from the lake as it stands to a champion or a rejection."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from flows.cli.choices import PRESET, Options, PlanName, PolicySetName, guardrails, listed
from models.distributed.resources import TrainingOptions

if TYPE_CHECKING:
    from rich.console import Console

    from flows.form import Data, RollOut, Training
    from flows.retrain import Outcome
    from infra.settings import Settings

REJECTED = 3


def retrain(
    preset: Annotated[str | None, PRESET] = None,
    *,
    policy_set: PolicySetName = None,
    as_of: Annotated[
        datetime | None,
        Parameter(help="train on the lake as it was then, as in 2026-01-31T12:00; UTC unless it says"),
    ] = None,
    options: Options = TrainingOptions(),
    canary: Annotated[bool, Parameter(help="let the challenger climb through live traffic")] = True,
    plan: PlanName = None,
    dry_run_of: Annotated[
        tuple[str, ...],
        Parameter(
            help=f"a guardrail to measure without a say; repeatable: {listed(guardrails())}",
            negative="",
            completer=lambda _: guardrails(),
        ),
    ] = (),
    until: Annotated[
        Literal["promoted", "registered"],
        Parameter(help="how far it goes: to a champion, or to a registered model that meets no traffic"),
    ] = "promoted",
    replace: Annotated[
        bool, Parameter(help="let a model of preset trial replace a champion", negative="")
    ] = False,
    dry_run: Annotated[
        bool, Parameter(help="say what would run, on how much and how long, and run nothing", negative="")
    ] = False,
    begin_anew: Annotated[
        bool,
        Parameter(
            help="where the champion has vanished from MLflow: let this model decide, met by no other",
            negative="",
        ),
    ] = False,
    approval: Annotated[
        Literal["automatic", "before canary", "before promotion"],
        Parameter(help="ask a person at this terminal before the model goes on"),
    ] = "automatic",
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """Cut a snapshot, validate, train, evaluate, register, and let the challenger climb through live traffic.

    A first champion is promoted at once, as is any with --no-canary; with --until registered none is, and without
    --replace none of preset trial where another decides. Exit code 3 when a gate rejects the model or its canary is
    rolled back, 2 when the champion has vanished from MLflow and a person has to say how it goes on.

    Steps that an earlier run with the same inputs has finished are not done again.
    """
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    from flows.cli.narration import narrate
    from flows.cli.plain import plain, terminal
    from flows.form import Approval, Data, RollOut, checked, foreseen, trained_by
    from flows.retrain import retrain as lifecycle
    from flows.temporary_server import tie_temporary_server

    console = terminal(stderr=True)
    data = Data(policy_set=policy_set or settings.policy_set, as_of=as_of)
    training = trained_by(settings, preset=preset, **options.model_dump(exclude_unset=True))
    rollout = RollOut(
        canary=canary,
        plan=plan or settings.plan,
        dry_run=dry_run_of,
        begin_anew=begin_anew,
        until=until,
        replace=replace,
    )
    asked = Approval(when=approval)
    checked(data, training, rollout, asked)
    for line in foreseen(settings, rollout):
        console.print(f"[yellow]{plain(line)}[/]", highlight=False, soft_wrap=True)
    if dry_run:
        foretell(settings, data, training, rollout, as_json=json)
        return
    console.print(plain(f"retraining {training.preset} on {data.policy_set}"), highlight=False)
    narrate(console)
    tie_temporary_server()
    outcome = lifecycle(data, training, rollout, asked)
    if json:
        print(as_json(outcome))  # noqa: T201 - the command's own output
    else:
        report(outcome, terminal())
    if not outcome.as_asked:
        sys.exit(REJECTED)


def foretell(
    settings: Settings, data: Data, training: Training, rollout: RollOut, *, as_json: bool = False
) -> None:
    """Print what a retraining would do."""
    from rich.table import Table

    from flows.cli.plain import plain, terminal
    from infra.rollout import Store, champion_or_none
    from tasks.release.foresee import foresee

    champion = champion_or_none(Store(settings)) is not None
    found = foresee(
        settings,
        policy_set=data.policy_set,
        preset=training.preset,
        seed=training.seed,
        rollout=rollout.plan,
        canary=rollout.canary,
        resources=training.resources,
        as_of=data.as_of,
        early=rollout.ends_early(training, beside_champion=champion),
    )
    if as_json:
        print(found.model_dump_json(indent=2))  # noqa: T201 - the command's own output
        return
    console, table = terminal(), Table("step", "what", "takes", title="What a retraining would do")
    for step in found.steps:
        takes = "" if step.seconds is None else f"{step.seconds:,.0f} s at most"
        table.add_row(step.step, plain(step.detail), takes)
    console.print(table)
    for why, count in found.left_out.items():
        console.print(f"left out: {count:,} posts, {plain(why)}", highlight=False, soft_wrap=True)
    for warning in found.warnings:
        console.print(f"[yellow]warning[/] {plain(warning)}", highlight=False, soft_wrap=True)
    console.print("dry run: nothing was trained, registered or promoted", highlight=False)


def as_json(outcome: Outcome) -> str:
    """The outcome as one object: snapshot, run, version and metrics by name."""
    from pydantic_core import to_json

    return to_json(
        {
            "snapshot": {
                "id": outcome.snapshot.id,
                "counts": outcome.snapshot.counts,
                "dropped": outcome.snapshot.dropped,
            },
            "run_id": outcome.run_id,
            "model_version": outcome.release.version if outcome.release else None,
            "promoted": outcome.promoted,
            "reason": outcome.release.reason if outcome.release else "",
            "metrics": outcome.evaluation.metrics,
            "training": outcome.measured,
            "gates": outcome.evaluation.gates,
            "effects": outcome.evaluation.effects,
            "warnings": outcome.validation.warnings,
        },
        indent=2,
        inf_nan_mode="null",
    ).decode()


def report(outcome: Outcome, console: Console) -> None:
    """The verdict, the metrics and the gates, for a person."""
    from rich.table import Table

    from flows.cli.effects import show_effects
    from flows.cli.plain import plain

    metrics, gates = outcome.evaluation.metrics, outcome.evaluation.gates
    table = Table("policy", "average precision", title=f"Test posts of snapshot {outcome.snapshot.id[:12]}")
    for policy, value in metrics.average_precision.items():
        if policy in outcome.evaluation.effects.not_assessed:
            continue
        table.add_row(plain(policy), "too few judgements" if value is None else f"{value:.3f}")
    console.print(table)
    told = f"posts of the snapshot: {outcome.snapshot.told}"
    console.print(plain(told), highlight=False, soft_wrap=True)
    show_effects(outcome.evaluation.effects, console)
    for gate in gates:
        if not gate.passed:
            told = plain(f"{gate.gate}, {gate.subject}: {gate.detail}")
            console.print(f"[red]failed[/] {told}", highlight=False)
    for warning in outcome.validation.warnings:
        console.print(f"[yellow]warning[/] {plain(warning)}", highlight=False, soft_wrap=True)
    if outcome.measured.items:
        console.print(f"trained on {plain(outcome.measured)}", highlight=False, soft_wrap=True)
    passed = sum(gate.passed for gate in gates)
    console.print(f"[bold]{_verdict(outcome)}[/]: {passed} of {len(gates)} checks passed", highlight=False)
    if outcome.release and outcome.release.reason:
        console.print(f"why: {plain(outcome.release.reason)}", highlight=False, soft_wrap=True)
    console.print(
        plain(f"model card {outcome.evaluation.report / 'model-card.html'}"), highlight=False, soft_wrap=True
    )


def _verdict(outcome: Outcome) -> str:
    if outcome.release is None:
        return "rejected"
    if outcome.promoted:
        return f"version {outcome.release.version} is the champion"
    told = "is registered and does not decide" if outcome.release.aside else "does not decide"
    return f"version {outcome.release.version} {told}"
