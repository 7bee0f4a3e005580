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
    from infra.environment import adopt
    from infra.rollout import Store
    from infra.rollout import act as do
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    store = Store(settings)
    rollout = store.last() if act == "status" else do(store, act, reason)
    if json:
        from pydantic_core import to_json

        print(to_json(_described(store, rollout), indent=2).decode())  # noqa: T201 - the command's own output
    else:
        _print(store, rollout)


def _described(store: Store, rollout: Rollout | None) -> dict[str, Any]:
    from infra.rollout import posts_in_stage

    return {
        "rollout": rollout.model_dump(mode="json") if rollout else None,
        "stage": rollout.current.name if rollout else None,
        "posts": posts_in_stage(store.lake, rollout) if rollout else None,
        "acts": store.acts(rollout.id) if rollout else [],
    }


def _print(store: Store, rollout: Rollout | None) -> None:
    from rich.table import Table

    from flows.command_line.plain import plain, terminal
    from infra.rollout import posts_in_stage

    console = terminal()
    if rollout is None:
        console.print("no rollout yet: moderato retrain begins one when a champion decides", highlight=False)
        return
    stage, posts = rollout.current, posts_in_stage(store.lake, rollout)
    console.print(
        f"version {rollout.challenger} beside champion {rollout.champion}, plan {plain(rollout.plan)}: "
        f"[bold]{rollout.status}[/], stage {plain(stage.name)}, {rollout.share:.0%} of the traffic, "
        f"{posts} of {stage.minimum_posts} posts",
        highlight=False,
        soft_wrap=True,
    )
    if rollout.reason:
        console.print(plain(rollout.reason), highlight=False, soft_wrap=True)
    table = Table("when (UTC)", "who", "act", "why")
    for entry in store.acts(rollout.id):
        table.add_row(
            f"{entry['at']:%Y-%m-%d %H:%M:%S}", *(plain(entry[name]) for name in ("who", "act", "why"))
        )
    console.print(table)
