"""`moderato canary`: how the rollout stands, and a person's word on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from rich.table import Table

    from infra.rollout import Rollout, Step, Store

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
    from flows.cli.hurry import import_arrow

    import_arrow()
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

        print(to_json(_described(store, rollout), indent=2, inf_nan_mode="null").decode())  # noqa: T201 - the command's own output
    else:
        _print(store, rollout)


def _described(store: Store, rollout: Rollout | None) -> dict[str, Any]:
    from infra.rollout import awaited, judged

    step = judged(store, rollout) if rollout else None
    waits = awaited(step.rollout, step.posts) if step else None
    return {
        "rollout": rollout.model_dump(mode="json") if rollout else None,
        "stage": rollout.current.name if rollout else None,
        "posts": step.posts if step else None,
        "verdict": step.judgement.verdict if step else None,
        "guardrails": step.judgement.readings if step else [],
        "waits_for": waits.whom if waits else None,
        "next": waits.next if waits else None,
        "acts": store.acts(rollout.id) if rollout else [],
    }


def _print(store: Store, rollout: Rollout | None) -> None:
    from flows.cli.plain import plain, terminal
    from infra.rollout import awaited, judged

    console = terminal()
    if rollout is None:
        console.print("no rollout yet: moderato retrain begins one when a champion decides", highlight=False)
        return
    step = judged(store, rollout)
    stage, waits = rollout.current, awaited(rollout, step.posts)
    console.print(
        f"version {rollout.challenger} beside champion {rollout.champion}, plan {plain(rollout.plan)}: "
        f"[bold]{rollout.status}[/], stage {plain(stage.name)}, {rollout.share:.0%} of the traffic, "
        f"{step.posts} of {stage.minimum_posts} posts",
        highlight=False,
        soft_wrap=True,
    )
    if rollout.reason:
        console.print(plain(rollout.reason), highlight=False, soft_wrap=True)
    console.print(_readings(step), _acts(store, rollout))
    for line in _foreseen(store, rollout):
        console.print(plain(line), highlight=False, soft_wrap=True)
    if waits.whom:
        console.print(f"waits for {plain(waits.whom)}", highlight=False, soft_wrap=True)
    console.print(f"next: {plain(waits.next)}", highlight=False, soft_wrap=True)


def _readings(step: Step) -> Table:
    """What every guardrail has seen in this stage; those that only stop what does harm are told apart."""
    from rich.table import Column, Table

    from flows.cli.plain import plain
    from infra.rollout import shown

    title = f"Stage {step.rollout.current.name}: {step.judgement.verdict}"
    names = (Column("guardrail", no_wrap=True), "of", "challenger", "champion", "allowed", "verdict")
    table = Table(*names, title=plain(title))
    for reading in step.judgement.readings:
        ours, theirs = shown(reading.challenger), shown(reading.champion)
        says = reading.verdict if reading.binding else f"{reading.verdict}, without a say"
        must = f"{says}, must be healthy" if reading.decisive and reading.verdict != "healthy" else says
        words = (reading.guardrail, reading.subject, ours, theirs, reading.allowed, must)
        table.add_row(*map(plain, words))
    return table


def _acts(store: Store, rollout: Rollout) -> Table:
    from rich.table import Table

    from flows.cli.plain import plain

    table = Table("when (UTC)", "who", "act", "why")
    for entry in store.acts(rollout.id):
        table.add_row(
            f"{entry['at']:%Y-%m-%d %H:%M:%S}", *(plain(entry[name]) for name in ("who", "act", "why"))
        )
    return table


def _foreseen(store: Store, rollout: Rollout) -> list[str]:
    """How long what is still to come takes at the traffic of late."""
    from infra.rollout import forecast, plan_named, traffic_of_late

    traffic = None if rollout.is_over else traffic_of_late(store.lake)
    if traffic is None:
        return []
    rest = forecast(plan_named(rollout.plan), traffic)[rollout.stage :]
    return [f"at {traffic.rate:.3g} posts a second {it.told}" for it in rest]
