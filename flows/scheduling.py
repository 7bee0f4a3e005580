"""When deployments run: read and changed in Prefect, where its page shows the same."""

from __future__ import annotations

from datetime import datetime

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    DeploymentFilterTags,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.client.schemas.sorting import FlowRunSort
from pydantic import ValidationError

from infra.home import standing_on
from infra.settings import Settings
from models.domain.errors import UserError
from models.domain.nearest import choose

OURS = "moderato"  # the tag of this product's deployments


class NoServerError(UserError):
    """There is no Prefect server to ask."""


class ScheduleError(UserError):
    """A deployment that does not exist, or a schedule that cannot be."""


def require_server(settings: Settings) -> None:
    """Raises NoServerError where no platform runs and no server is set."""
    if not settings.prefect_api_url and standing_on(settings.home) is None:
        raise NoServerError(
            "no Prefect server to ask: start the platform with moderato up, or set MODERATO_PREFECT_API_URL"
        )


def deployed(client: SyncPrefectClient) -> list[DeploymentResponse]:
    """The deployments of this product that Prefect knows."""
    wanted = DeploymentFilter(tags=DeploymentFilterTags(all_=[OURS]))
    return sorted(client.read_deployments(deployment_filter=wanted), key=lambda it: it.name)


def set_schedule(client: SyncPrefectClient, name: str, cron: str, timezone: str) -> None:
    """One cron schedule in place of all that the deployment had."""
    if not cron:
        raise ScheduleError('a schedule needs --cron with five fields, as in --cron "0 4 * * 1"')
    try:
        chosen = CronSchedule(cron=cron, timezone=timezone)
    except ValidationError as error:
        raise ScheduleError(
            f"{cron!r} in {timezone!r} is no schedule: {error.errors()[0]['msg']}; five fields are minute, hour, day, "
            'month and weekday, as in "0 4 * * 1"'
        ) from None
    deployment = _named(client, name)
    for old in deployment.schedules:
        client.delete_deployment_schedule(deployment.id, old.id)
    client.create_deployment_schedules(
        deployment.id, [DeploymentScheduleCreate(schedule=chosen, active=True)]
    )


def switch(client: SyncPrefectClient, name: str, *, active: bool) -> None:
    """Pause or resume a deployment's schedules; runs that people start go on as before."""
    deployment = _named(client, name)
    if deployment.paused and active:
        client.update_deployment(deployment.id, DeploymentUpdate(paused=False))
    for old in deployment.schedules:
        client.update_deployment_schedule(deployment.id, old.id, active=active)


def next_run(client: SyncPrefectClient, deployment: DeploymentResponse) -> datetime | None:
    """When it runs next, as Prefect has planned it; None before it has."""
    scheduled = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
    )
    wanted = DeploymentFilter(name=DeploymentFilterName(any_=[deployment.name]))
    found = client.read_flow_runs(
        deployment_filter=wanted, flow_run_filter=scheduled, sort=FlowRunSort.NEXT_SCHEDULED_START_TIME_ASC
    )
    return next((run.next_scheduled_start_time for run in found if run.auto_scheduled), None)


def _named(client: SyncPrefectClient, name: str) -> DeploymentResponse:
    found = {it.name: it for it in deployed(client)}
    if name not in found:
        raise ScheduleError(f"no deployment {name!r}; {choose(name, found, none='none is served yet')}")
    return found[name]
