"""Ask a person whether a model may go on; on Prefect's page where a deployment runs, else at the terminal.

Not a Prefect task: a run can only be suspended between its tasks. A suspended run costs no process; when the answer
comes it starts anew, takes the results of its finished steps, and finds the answer here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Literal, TypeVar

from prefect import suspend_flow_run
from prefect.context import FlowRunContext
from prefect.input import RunInput
from pydantic import Field, ValidationError

from infra.gateway.auth.codes import CodeError
from infra.markdown import narrow, plain
from infra.registry import Status, mark_version
from infra.registry.runs import LifecycleRun
from infra.rollout import Store, act
from infra.settings import Settings
from models.domain.errors import UserError
from tasks.plumbing.handle import Handle
from tasks.release.approver import Approver, at_terminal, on_page
from tasks.release.described import described
from tasks.release.evaluate import Evaluation
from tasks.release.register import Release

APPROVAL = "moderato.approval"
ATTEMPTS = 20  # answers that cannot be read before the run gives up

Form = TypeVar("Form", bound=RunInput)
Moment = Literal["before canary", "before promotion"]


class NobodyToAskError(UserError):
    """An approval where neither a page nor a terminal can ask for it."""


class Signed(RunInput):
    """What a person says with any answer: why, and who it is."""

    reason: str = Field(
        min_length=1, max_length=500, description="Why, for the record.", json_schema_extra={"position": 1}
    )
    name: str = Field(
        min_length=1, max_length=100, description="Who decides.", json_schema_extra={"position": 2}
    )
    code: str = Field(
        default="",
        max_length=100,
        description="What `moderato sign VERSION` prints, which proves who decides: needed where this platform asks "
        "for a password. Never type a key here.",
        json_schema_extra={"position": 3},
    )


class Answer(Signed):
    """What a person answers."""

    decision: Literal["approve", "reject"] = Field(
        description="Approve lets the model go on, reject ends the run.", json_schema_extra={"position": 0}
    )


class Approved(Handle):
    """The answer, and one line of it for the record."""

    approved: bool
    told: str


def can_ask() -> None:
    """Raises NobodyToAskError where this run has neither a page nor a terminal."""
    if not is_deployed() and not sys.stdin.isatty():
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
    if is_deployed():
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
        mark_version(registry, release.version, Status.REJECTED)
        registry.client.set_terminated(release.run_id)


def is_deployed() -> bool:
    """Whether this run has a page that asks: what a deployment started, and not a terminal."""
    context = FlowRunContext.get()
    return bool(context and context.flow_run and context.flow_run.deployment_id)


def _on_page(
    settings: Settings, release: Release, evaluation: Evaluation, asked: str, hours: float
) -> tuple[Answer, Approver]:
    run = FlowRunContext.get()
    assert run is not None
    otherwise = (run.parameters or {})["approval"].otherwise
    text = described(settings, release, evaluation, asked, hours)

    def known(answer: Answer, pause: str) -> Approver:
        return on_page(settings, answer, release.version, pause, hours, otherwise)

    return asked_on_page(Answer, text, asked, known)


def asked_on_page(
    form: type[Form], text: str, asked: str, known: Callable[[Form, str], Approver]
) -> tuple[Form, Approver]:
    """The answer to a form on the run's page, and who gave it; asked again while it cannot be read, or is nobody's.

    known: of an answer and the key of its pause, who gave it; raises CodeError. `asked` names the pauses.
    """
    shown = text
    for attempt in range(1, ATTEMPTS + 1):
        blank = form.with_initial_data(description=narrow(shown))
        pause = f"{asked} {attempt}".replace(" ", "-")
        try:
            answer = suspend_flow_run(wait_for_input=blank, key=pause)
            return answer, known(answer, pause)
        except ValidationError as error:
            shown = f"**That answer cannot be read: {plain(error.errors()[0]['msg'])}.**\n\n{text}"
        except CodeError as error:
            shown = f"**That answer does not count: {plain(error)}.**\n\n{text}"
    raise NobodyToAskError(f"{ATTEMPTS} answers could not be read; the champion stays")


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
