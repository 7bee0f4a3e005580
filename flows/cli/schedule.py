"""`moderato schedule`: when the deployments run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from flows.cli.choices import listed

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

DEPLOYMENTS = ["retrain", "search", "pretrain", "watch", "ingest", "compact"]
Act = Literal["list", "set", "pause", "resume"]


def schedule(
    act: Annotated[Act, Parameter(help="what to do; list changes nothing")] = "list",
    deployment: Annotated[
        str,
        Parameter(help=f"for set, pause and resume: {listed(DEPLOYMENTS)}", completer=lambda _: DEPLOYMENTS),
    ] = "",
    *,
    cron: Annotated[
        str, Parameter(help='five fields: minute, hour, day, month, weekday, as in "0 4 * * 1"')
    ] = "",
    timezone: Annotated[str, Parameter(help="of the five fields")] = "UTC",
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """List when the deployments run, give one another schedule, or pause and resume it.

    What is set here stays when the platform starts again.
    """
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    from prefect import get_client

    from flows.scheduling import deployed, require_server, set_schedule, switch

    require_server(settings)
    with get_client(sync_client=True) as client:
        if act == "set":
            set_schedule(client, deployment, cron, timezone)
        elif act != "list":
            switch(client, deployment, active=act == "resume")
        _show(client, deployed(client), json=json)


def _show(client: SyncPrefectClient, found: list[DeploymentResponse], *, json: bool) -> None:
    rows = [_row(client, it) for it in found]
    if json:
        from pydantic_core import to_json

        print(to_json(rows, indent=2).decode())  # noqa: T201 - the command's own output
        return
    from rich.table import Table

    from flows.cli.plain import plain, terminal

    table = Table("deployment", "schedule", "time zone", "state", "next (UTC)")
    for row in rows:
        when = f"{row['next']:%Y-%m-%d %H:%M}" if row["next"] else ""
        table.add_row(*map(plain, (row["deployment"], row["cron"], row["timezone"], row["state"], when)))
    terminal().print(table)


def _row(client: SyncPrefectClient, it: DeploymentResponse) -> dict[str, Any]:
    from flows.scheduling import next_run

    known = it.schedules[0] if it.schedules else None
    active = bool(known and known.active and not it.paused)
    return {
        "deployment": it.name,
        "cron": getattr(known.schedule, "cron", str(known.schedule)) if known else "",
        "timezone": getattr(known.schedule, "timezone", "") or "UTC" if known else "",
        "state": "active" if active else "paused" if known else "by hand only",
        "next": next_run(client, it) if active else None,
    }
