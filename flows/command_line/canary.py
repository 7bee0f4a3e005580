"""`moderato canary`: how the rollout stands, and a person's word on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from infra.rollout import Rollout, Store

Act = Literal["status", "pause", "resume", "abort", "promote"]


def canary(
    act: Annotated[Act, Parameter(help="what to do; status changes nothing")] = "status",
    *,
    reason: Annotated[str, Parameter(help="why, for the record")] = "",
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """Show the rollout, or pause, resume, abort or promote it. Each act is recorded with who, when and why.

    An abort takes all traffic from the challenger at once; gateways obey within seconds.
    """
    from infra.rollout import Store
    from infra.rollout import act as do
    from infra.settings import Settings, adopt

    settings = Settings()
    adopt(settings)
    store = Store(settings)
    rollout = _last(store) if act == "status" else do(store, act, reason)
    if json:
        from pydantic_core import to_json

        print(to_json(_described(store, rollout), indent=2).decode())  # noqa: T201 - the command's own output
    else:
        _print(store, rollout)


def _last(store: Store) -> Rollout | None:
    from infra.registry import is_empty

    return None if is_empty(store.settings) else store.last()


def _described(store: Store, rollout: Rollout | None) -> dict[str, Any]:
    return {
        "rollout": rollout.model_dump(mode="json") if rollout else None,
        "stage": rollout.current.name if rollout else None,
        "acts": store.acts(rollout.id) if rollout else [],
    }


def _print(store: Store, rollout: Rollout | None) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if rollout is None:
        console.print("no rollout yet: moderato retrain begins one when a champion decides", highlight=False)
        return
    console.print(
        f"version {rollout.challenger} beside champion {rollout.champion}, plan {rollout.plan}: "
        f"[bold]{rollout.status}[/], stage {rollout.current.name}, {rollout.share:.0%} of the traffic",
        highlight=False,
    )
    if rollout.reason:
        console.print(rollout.reason, highlight=False, soft_wrap=True)
    table = Table("when (UTC)", "who", "act", "why")
    for entry in store.acts(rollout.id):
        table.add_row(
            f"{entry['at']:%Y-%m-%d %H:%M:%S}", *(str(entry[name]) for name in ("who", "act", "why"))
        )
    console.print(table)
