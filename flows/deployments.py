"""The deployments: what runs when, how often at once, and the process that serves them.

`moderato worker` serves them on this machine; prefect.yaml deploys the same to a work pool.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast
from uuid import UUID

from prefect import Flow, get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import ConcurrencyLimitConfig, FlowRun, StateType
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.input import RunInput
from prefect.runner import Runner
from prefect.schedules import Cron
from prefect.states import Cancelled
from prefect.types.entrypoint import EntrypointType

from flows import form, pretraining_form
from flows import what_if as what_if_form
from flows.automations import automate
from flows.compact import compact
from flows.ingest import ingest
from flows.pretrain import pretrain
from flows.retrain import retrain
from flows.scheduling import OURS
from flows.search import search
from flows.watch import watch
from flows.what_if import what_if
from infra.rollout import Rollout, Store, rest_unattended
from infra.settings import Settings
from tasks.release.approval import Answer
from tasks.release.approver import DEADLINE
from tasks.release.question import PAUSE, key, unanswered

AT_ONCE = 4  # flow runs on this machine, of all deployments
SWEEP = 10.0  # seconds between two looks at what waits for somebody who does not come
LATE = timedelta(minutes=1)  # a scheduled run that should have begun longer ago was missed
MISSED = "Missed"


@dataclass(frozen=True)
class Deployment:
    """`cron` is in UTC, empty for runs that people start. A second run at the same time waits, or is refused."""

    flow: Flow[..., Any]
    cron: str
    description: str
    tags: tuple[str, ...]
    second: Literal["wait", "refuse"]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As Prefect knows it: flow/deployment."""
        return f"{self.flow.name}/{self.flow.name}"

    def made(self, client: SyncPrefectClient) -> RunnerDeployment:
        """For Prefect; one that it knows keeps the schedules that people gave it."""
        made = self.flow.to_deployment(
            name=self.flow.name,
            schedules=[Cron(self.cron, timezone="UTC")] if self.cron else [],
            concurrency_limit=ConcurrencyLimitConfig(
                limit=1, collision_strategy="ENQUEUE" if self.second == "wait" else "CANCEL_NEW"
            ),
            description=self.description,
            tags=[OURS, *self.tags],
            parameters=dict(self.parameters),
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        assert isinstance(made, RunnerDeployment)
        with suppress(ObjectNotFound):
            known = client.read_deployment_by_name(self.name).schedules
            made.schedules = [
                DeploymentScheduleCreate(schedule=it.schedule, active=it.active) for it in known
            ]
        return made


def deployments(settings: Settings) -> tuple[Deployment, ...]:
    """Everything that runs on a schedule or is started on Prefect's page."""
    return (
        Deployment(
            retrain,
            cron="0 4 * * 1",
            description="Posts and judgements in, a champion out: snapshot, validate, train, evaluate, register, "
            "canary, promote. A second run waits for the first.",
            tags=("lifecycle",),
            second="wait",
            parameters=form.defaults(settings),
        ),
        Deployment(
            search,
            cron="",
            description="A better preset, searched for within a budget; nothing is registered.",
            tags=("training",),
            second="wait",
            parameters=form.search_defaults(settings),
        ),
        Deployment(
            ingest,
            cron="*/10 * * * *",
            description="What is new in the landing zone, into the lake.",
            tags=("data",),
            second="refuse",
        ),
        Deployment(
            watch,
            cron="0 * * * *",
            description="Live traffic against what the champion learned from; what is out of bounds starts a "
            "retraining, at most once in a cool-down.",
            tags=("drift",),
            second="refuse",
        ),
        Deployment(
            compact,
            cron="0 3 * * *",
            description="Keeps the lake's tables fast.",
            tags=("data",),
            second="refuse",
        ),
        Deployment(
            pretrain,
            cron="",
            description="The lake's posts, judged or not, in, a backbone out that a retraining begins from: pin, "
            "corpus, train, register. A second run waits for the first.",
            tags=("lifecycle",),
            second="wait",
            parameters=pretraining_form.defaults(settings),
        ),
        Deployment(
            what_if,
            cron="",
            description="Other objectives on what the champion has scored: what would change in a thousand posts. "
            "Nothing is trained or changed.",
            tags=("policy",),
            second="wait",
            parameters=what_if_form.defaults(settings),
        ),
    )


def serve(settings: Settings) -> None:
    """Serve every deployment until told to stop."""
    with get_client(sync_client=True) as client:
        drop_missed(client, datetime.now(UTC))
        made = {it.flow.name: it.made(client) for it in deployments(settings)}
    threading.Thread(target=_sweep_for_ever, args=(settings,), daemon=True).start()
    runner = Runner(name="moderato", limit=AT_ONCE, pause_on_shutdown=False)
    automate(settings, {name: cast("UUID", runner.add_deployment(one)) for name, one in made.items()})
    asyncio.run(runner.start())


def drop_missed(client: SyncPrefectClient, now: datetime) -> int:
    """Cancel scheduled runs whose time passed while nothing served them: the next one does their work.

    Runs that a person started stay.
    """
    missed = [
        run
        for run in client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
                expected_start_time=FlowRunFilterExpectedStartTime(before_=now - LATE),
            )
        )
        if run.auto_scheduled
    ]
    for run in missed:
        client.set_flow_run_state(
            run.id, Cancelled(name=MISSED, message="nothing served it at its time"), force=True
        )
    return len(missed)


def answer_expired(client: SyncPrefectClient, now: datetime) -> list[FlowRun]:
    """Give questions whose hours are over the answer of who does not answer: an approval's is chosen with its run."""
    expired = [run for run in _waiting(client) if _deadline(run) <= now]
    for run in expired:
        client.resume_flow_run(run.id, run_input=_otherwise(run).model_dump())
    return expired


def go_on(client: SyncPrefectClient, rollout: Rollout | None) -> list[FlowRun]:
    """Let runs go on whose canary asks no more: a person has answered by `moderato canary`. It finds that itself."""
    asking = key(rollout).replace(" ", "-") if rollout and rollout.status == "asking" else None
    settled = [
        run
        for run in _waiting(client)
        if _pause(run).startswith(f"{PAUSE}-") and not (asking and _pause(run).startswith(asking))
    ]
    for run in settled:
        client.resume_flow_run(run.id, run_input=unanswered("moderato canary has answered").model_dump())
    return settled


def _waiting(client: SyncPrefectClient) -> list[FlowRun]:
    """Runs that wait for an answer."""
    paused = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED]))
    return list(client.read_flow_runs(flow_run_filter=FlowRunFilter(state=paused)))


def _pause(run: FlowRun) -> str:
    return (run.state.state_details.pause_key or "") if run.state else ""


def _otherwise(run: FlowRun) -> RunInput:
    asked = _approval(run)
    told = f"nobody answered within {asked.hours:g} hours"
    if _pause(run).startswith(f"{PAUSE}-"):
        return unanswered(told)
    return Answer(decision=asked.otherwise, reason=told, name=DEADLINE)


def _deadline(run: FlowRun) -> datetime:
    if run.state is None or "approval" not in run.parameters:
        return datetime.max.replace(tzinfo=UTC)
    return run.state.timestamp + timedelta(hours=_approval(run).hours)


def _approval(run: FlowRun) -> form.Approval:
    return form.Approval.model_validate(run.parameters["approval"])


def _sweep_for_ever(settings: Settings) -> None:
    import logging
    import time

    while True:
        time.sleep(SWEEP)
        for look in (_answers, _rests):
            try:
                look(settings)
            except Exception as error:  # noqa: BLE001 - a store that is away is asked again
                logging.getLogger("prefect.deployments").warning("%s: %s", look.__doc__, error)


def _answers(settings: Settings) -> None:
    """Answer what nobody else does."""
    with get_client(sync_client=True) as client:
        go_on(client, Store(settings).running())
        answer_expired(client, datetime.now(UTC))


def _rests(settings: Settings) -> None:
    """Rest rollouts that nobody drives."""
    rest_unattended(Store(settings), datetime.now(UTC))
