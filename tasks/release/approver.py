"""Who answered an approval, and how that is known: a name that is typed proves nothing.

Where Prefect asks for a password, everybody who knows it is one and the same user to it. So an answer on its page there
needs a code that `moderato sign` makes from the person's own key; elsewhere a code is checked where one is given.
"""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from prefect import get_client
from prefect.context import FlowRunContext

from infra.gateway import KeyStore
from infra.gateway.auth.codes import CodeError, signer
from infra.lake import open_lake
from infra.settings import Settings

DEADLINE = "deadline"  # who answers where nobody does


class Answered(Protocol):
    """What an answer says of who gave it."""

    @property
    def decision(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def code(self) -> str: ...


@dataclass(frozen=True)
class Approver:
    """`known` says how the name is known."""

    name: str
    known: str

    def __str__(self) -> str:
        return f"{self.name} ({self.known})"


@dataclass(frozen=True)
class Moments:
    """When a form was asked for, and when it was answered."""

    asked: datetime
    answered: datetime


def at_terminal(answer: Answered) -> Approver:
    """The account of this machine that typed it."""
    return Approver(answer.name, f"typed at the terminal of {getpass.getuser()}")


def on_page(
    settings: Settings, answer: Answered, version: int, pause: str, hours: float, otherwise: str
) -> Approver:
    """Who answered the form of a pause; raises CodeError, which tells the person what to do.

    `otherwise` is what the clock decides when nobody has after so many hours.
    """
    moments = _moments(pause)
    if answer.name == DEADLINE:
        return _clock(answer, moments, hours, otherwise)
    if answer.code:
        key = signer(
            KeyStore.of(open_lake(settings)), answer.code, subject(settings, version), moments.answered
        )
        return Approver(key.name or answer.name, f"proved with the key {key.key_id}")
    if settings.password:
        raise CodeError(
            f"this platform asks who approves: run moderato sign {version}, and type in what it prints"
        )
    return Approver(answer.name, "as typed, unverified")


def subject(settings: Settings, version: int) -> str:
    """What a code is about."""
    return f"version {version} of {settings.registered_model}"


def _clock(answer: Answered, moments: Moments, hours: float, otherwise: str) -> Approver:
    late = moments.answered - moments.asked >= timedelta(hours=hours)
    if not late or answer.decision != otherwise:
        raise CodeError(f"{DEADLINE!r} is how the clock signs, after {hours:g} hours; type your own name")
    return Approver(DEADLINE, "by the clock")


def _moments(pause: str) -> Moments:
    """As Prefect's server noted them: what was true when it was answered stays so when the run is resumed again."""
    run = FlowRunContext.get()
    assert run is not None
    assert run.flow_run is not None
    with get_client(sync_client=True) as client:
        found = client.filter_flow_run_input(UUID(str(run.flow_run.id)), f"suspended-{pause}", 10, set())
    created = {it.key.rpartition("-")[2]: it.created for it in found if it.created}
    now = datetime.now(UTC)
    return Moments(created.get("schema", now), created.get("response", now))
