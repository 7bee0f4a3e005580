"""`moderato status`: who decides, what ran last, what the lake holds, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

if TYPE_CHECKING:
    from infra.registry import RegisteredVersion
    from infra.rollout import Store
    from infra.settings import Settings

RUNS = 5
TABLES = ("posts", "judgements", "rejects")


def status(*, json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False) -> None:
    """Show champion, challenger, a running rollout, the last runs and the lake's tables; writes nothing."""
    from flows.cli.hurry import import_arrow

    import_arrow()
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    found = state(settings)
    if json:
        from pydantic_core import to_json

        print(to_json(found, indent=2).decode())  # noqa: T201 - the command's own output
    else:
        _print(found)


def state(settings: Settings) -> dict[str, Any]:
    """Champion, challenger and rollout (None where there is none), incident (what became of a champion that is gone,
    None where all is well), waiting (flow runs that ask a person, and where), runs (newest first), lake (rows,
    version), damaged (lines of the journal), next.
    """
    from flows.cli.waiting import waiting
    from infra.gateway import JOURNAL, count_aside
    from infra.registry import last_runs
    from infra.rollout import CHOICES, Store, trouble_with

    store = Store(settings)
    champion, challenger = store.registry.champion(), store.registry.challenger()
    lake, vanished = _lake(settings), trouble_with(store, champion)
    return {
        "champion": champion,
        "challenger": challenger,
        "rollout": _rollout(store, challenger),
        "runs": last_runs(store.registry, RUNS),
        "incident": vanished.seen if vanished else None,
        "waiting": waiting(settings),
        "damaged": count_aside(settings.home / JOURNAL),
        "lake": lake,
        "next": CHOICES if vanished else _next(lake, champion=champion is not None),
    }


def _rollout(store: Store, challenger: RegisteredVersion | None) -> dict[str, Any] | None:
    """Stage, its posts, share of the traffic in [0, 1], status and reason of the rollout that is not over."""
    from infra.rollout import awaited, posts_in_stage, rollout_of

    rollout = rollout_of(challenger) if challenger else None
    if rollout is None or rollout.is_over:
        return None
    seen = posts_in_stage(store.lake, rollout)
    waits, posts = awaited(rollout, seen), {"posts": seen, "minimum_posts": rollout.current.minimum_posts}
    found = (
        {"stage": rollout.current.name} | rollout.model_dump(include={"share", "status", "reason"}) | posts
    )
    return found | {"waits_for": waits.whom, "next": waits.next}


def _lake(settings: Settings) -> dict[str, dict[str, int]]:
    from infra.lake import open_lake

    lake = open_lake(settings)
    tables = {name: getattr(lake, name) for name in TABLES}
    opened = {name: table.open() if table.exists() else None for name, table in tables.items()}
    return {
        name: {"rows": table.count_rows() if table else 0, "version": table.version if table else 0}
        for name, table in opened.items()
    }


def _next(lake: dict[str, dict[str, int]], *, champion: bool) -> str:
    if not lake["posts"]["rows"]:
        return "the lake is empty: moderato ingest SOURCE PATH, or moderato simulate for made-up posts"
    if not champion:
        return "nobody decides yet: moderato retrain"
    return "moderato score IN.jsonl OUT.parquet, or moderato retrain after new judgements"


def _print(found: dict[str, Any]) -> None:
    from rich.table import Table

    from flows.cli.plain import plain, terminal

    console = terminal()
    for role in ("champion", "challenger"):
        console.print(plain(f"{role}: {_described(found[role])}"), highlight=False)
    if found["incident"]:
        console.print(
            f"[red]champion vanished[/]: {plain(found['incident'])}", highlight=False, soft_wrap=True
        )
    if found["rollout"]:
        for line in _progress(found["rollout"]):
            console.print(plain(line), highlight=False, soft_wrap=True)
    for line in found["waiting"]:
        console.print(plain(line), style="yellow", highlight=False, soft_wrap=True)
    if found["runs"]:
        table = Table("run", "name", "started (UTC)", "status", "became", "macro average precision")
        for run in found["runs"]:
            value = run.macro_average_precision
            figure = "" if value is None else f"{value:.3f}"
            started = f"{run.started_at:%Y-%m-%d %H:%M}"
            table.add_row(*map(plain, (run.run_id[:8], run.name, started, run.status, run.became, figure)))
        console.print(table)
    for name, counts in found["lake"].items():
        console.print(f"{name}: {counts['rows']:,} rows, version {counts['version']}", highlight=False)
    if found["damaged"]:
        told = f"journal: {found['damaged']:,} damaged lines: moderato journal"
        console.print(told, style="red", highlight=False)
    console.print(f"next: {found['next']}", highlight=False, soft_wrap=True)


def _described(version: RegisteredVersion | None) -> str:
    if version is None:
        return "none"
    return f"version {version.version}, run {version.run_id}, {version.created_at:%Y-%m-%d %H:%M} UTC"


def _progress(rollout: dict[str, Any]) -> list[str]:
    why = f": {rollout['reason']}" if rollout["reason"] else ""
    share, posts = (
        f"{rollout['share']:.0%} of the traffic",
        f"{rollout['posts']} of {rollout['minimum_posts']} posts",
    )
    stands = f"rollout: {rollout['status']}, stage {rollout['stage']}, {share}, {posts}{why}"
    return [stands, f"the rollout waits for {rollout['waits_for']}: {rollout['next']}"]
