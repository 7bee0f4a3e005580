"""Ask a person whether a model may go on; on Prefect's page where a deployment runs, else at the terminal.

Not a Prefect task: a run can only be suspended between its tasks. A suspended run costs no process; when the answer
comes it starts anew, takes the results of its finished steps, and finds the answer here.
"""

from __future__ import annotations

import sys
from typing import Literal

from prefect import suspend_flow_run
from prefect.context import FlowRunContext
from prefect.input import RunInput
from pydantic import Field, ValidationError

from infra.gateway.codes import CodeError
from infra.markdown import link as link_to
from infra.markdown import plain
from infra.registry import Registry
from infra.registry.runs import LifecycleRun
from infra.rollout import Store, act
from infra.settings import Settings
from models.errors import UserError
from tasks.approver import Approver, at_terminal, on_page
from tasks.evaluate import Evaluation
from tasks.handle import Handle
from tasks.page import run_url, version_url
from tasks.register import Release

APPROVAL = "moderato.approval"
ATTEMPTS = 20  # answers that cannot be read before the run gives up

Moment = Literal["before canary", "before promotion"]


class NobodyToAskError(UserError):
    """An approval where neither a page nor a terminal can ask for it."""


class Answer(RunInput):
    """What a person answers."""

    decision: Literal["approve", "reject"] = Field(
        description="Approve lets the model go on, reject ends the run.", json_schema_extra={"position": 0}
    )
    reason: str = Field(
        min_length=1, max_length=500, description="Why, for the record.", json_schema_extra={"position": 1}
    )
    name: str = Field(
        min_length=1, max_length=100, description="Who decides.", json_schema_extra={"position": 2}
    )
    code: str = Field(
        default="",
        max_length=100,
        description="What `moderato sign VERSION` prints, which proves who decides. Needed where this platform asks "
        "for a password; elsewhere the name is kept as unverified. Never type a key here.",
        json_schema_extra={"position": 3},
    )


class Approved(Handle):
    """The answer, and one line of it for the record."""

    approved: bool
    told: str


def can_ask() -> None:
    """Raises NobodyToAskError where this run has neither a page nor a terminal."""
    if not _is_deployed() and not sys.stdin.isatty():
        raise NobodyToAskError(
            "this run needs an approval and has nobody to ask: start it from the Prefect page (moderato up), "
            "or from a terminal, or choose the approval automatic"
        )


def approval(
    settings: Settings, release: Release, evaluation: Evaluation, moment: Moment, hours: float
) -> Approved:
    """The person's answer at this moment, recorded in the registry, the MLflow run and the lake.

    A rejected release loses its alias; one that waits for its promotion is rolled back.
    """
    asked = f"{moment} of version {release.version}"
    if _is_deployed():
        answer, approver = _on_page(settings, release, evaluation, asked, hours)
    else:
        answer = _at_terminal(asked)
        approver = at_terminal(answer)
    word = "approved" if answer.decision == "approve" else "rejected"
    told = f"{word} {moment} by {approver}: {answer.reason}"
    _record(Store(settings), release, told, answer.decision, approver.name)
    return Approved(approved=answer.decision == "approve", told=told)


def _record(store: Store, release: Release, told: str, decision: str, who: str) -> None:
    registry = store.registry
    if registry.tag(release.version, APPROVAL) != told:
        registry.describe(release.version, {APPROVAL: told})
        store.record(decision, release.version, told, who=who)
    LifecycleRun(registry, release.run_id).describe({}, {APPROVAL: told})
    rollout = store.load(release.version)
    if rollout is not None and rollout.status == "held":
        act(store, "promote" if decision == "approve" else "abort", told, who)
    elif decision == "reject":
        registry.dismiss(release.version)
        registry.client.set_terminated(release.run_id)


def _is_deployed() -> bool:
    context = FlowRunContext.get()
    return bool(context and context.flow_run and context.flow_run.deployment_id)


def _on_page(
    settings: Settings, release: Release, evaluation: Evaluation, asked: str, hours: float
) -> tuple[Answer, Approver]:
    described = _described(settings, release, evaluation, asked, hours)
    shown = described
    for attempt in range(1, ATTEMPTS + 1):
        form, pause = Answer.with_initial_data(description=shown), f"{asked} {attempt}".replace(" ", "-")
        try:
            answer = suspend_flow_run(wait_for_input=form, key=pause)
            return answer, on_page(settings, answer, release.version, pause, hours)
        except ValidationError as error:
            shown = f"**That answer cannot be read: {plain(error.errors()[0]['msg'])}.**\n\n{described}"
        except CodeError as error:
            shown = f"**That answer does not count: {plain(error)}.**\n\n{described}"
    raise NobodyToAskError(f"{ATTEMPTS} answers could not be read; the champion stays")


def _described(settings: Settings, release: Release, evaluation: Evaluation, asked: str, hours: float) -> str:
    """What a person needs to decide: candidate beside champion, gates, the canary, and where there is more."""
    registry = Registry(settings)
    parts = [
        f"## {asked[0].upper()}{asked[1:]}",
        f"Answer within {hours:g} hours.",
        _pointer(registry, release),
        release.reason and f"Canary: {plain(release.reason)}",
        "### What this champion will do",
        (evaluation.report / "effects.md").read_text(),
        (evaluation.report / "beside.md").read_text(),
        "### Gates",
        (evaluation.report / "gates.md").read_text(),
    ]
    return "\n\n".join(part for part in parts if part)


def _pointer(registry: Registry, release: Release) -> str:
    run, version = run_url(registry, release.run_id), version_url(registry, release.version)
    return f"{link_to('MLflow run', run)}, {link_to('registered version', version)}" if run else ""


def _at_terminal(asked: str) -> Answer:
    from rich.console import Console
    from rich.prompt import Prompt

    console = Console(stderr=True)
    console.print(f"[bold]approval {asked}[/]", highlight=False)
    decision = Prompt.ask("decision", choices=["approve", "reject"], console=console)
    while True:
        reason, name = (Prompt.ask(word, console=console) for word in ("reason", "name"))
        try:
            return Answer.model_validate({"decision": decision, "reason": reason, "name": name})
        except ValidationError as error:
            console.print(f"[yellow]{error.errors()[0]['msg']}[/]")
