"""`moderato replay`: real requests to a gateway, so that a canary has traffic on one machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

if TYPE_CHECKING:
    from infra.load_generator import Replayed
    from infra.settings import Settings


def replay(
    *,
    rate: Annotated[float, Parameter(help="posts a second", validator=Number(gt=0))] = 50.0,
    seconds: Annotated[float, Parameter(help="how long", validator=Number(gt=0))] = 60.0,
    source: Annotated[
        Literal["lake", "simulator"], Parameter(name="--from", help="whose posts")
    ] = "simulator",
    seed: Annotated[int, Parameter(help="seed of the simulated platform")] = 0,
    week: Annotated[int, Parameter(help="week of the simulated platform")] = 1,
    url: Annotated[str, Parameter(help="address of the gateway")] = "http://127.0.0.1:8000",
    key: Annotated[str, Parameter(help="API key; one is made for this replay when not given")] = "",
    json: Annotated[bool, Parameter(help="print one JSON object", negative="")] = False,
) -> None:
    """Send posts to a gateway, one a request, in order and at the rate asked."""
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    from rich.progress import MofNCompleteColumn

    from flows.cli.plain import terminal
    from flows.cli.progress import progress
    from infra.lake import open_lake
    from infra.load_generator import posts_of
    from infra.load_generator import replay as send

    posts = posts_of(source, open_lake(settings), seed, week)
    with _key(settings, key) as opened, progress(terminal(stderr=True), MofNCompleteColumn()) as show:
        total = int(rate * seconds)
        found = send(
            url, opened, posts, rate=rate, seconds=seconds, heard=lambda done: show("replaying", done, total)
        )
    if json:
        print(_as_json(found))  # noqa: T201 - the command's own output
    else:
        _print(found)


@contextmanager
def _key(settings: Settings, given: str) -> Iterator[str]:
    """The key that was given, else one that is revoked when the replay is over."""
    if given:
        yield given
        return
    from infra.gateway import KeyStore, Scope
    from infra.lake import open_lake

    store = KeyStore.of(open_lake(settings))
    key, kept = store.create([Scope.DECIDE, Scope.READ], "moderato replay")
    try:
        yield key
    finally:
        store.revoke(kept.key_id)


def _as_json(found: Replayed) -> str:
    from pydantic_core import to_json

    counts = {name: getattr(found, name) for name in ("sent", "seconds", "actions", "versions", "failed")}
    waits = {"p50_ms": found.quantile(0.5), "p99_ms": found.quantile(0.99)}
    return to_json(counts | {"answered": len(found.waits)} | waits, indent=2).decode()


def _print(found: Replayed) -> None:
    from flows.cli.plain import plain, terminal

    console = terminal()
    actions = ", ".join(f"{plain(action)} {count}" for action, count in found.actions.most_common())
    versions = ", ".join(
        f"version {plain(version)} {count}" for version, count in found.versions.most_common()
    )
    console.print(
        f"{found.sent} posts in {found.seconds:.1f} s, {len(found.waits)} answered: {actions or 'none'}",
        highlight=False,
    )
    if found.waits:
        waits = " and ".join(f"{found.quantile(level):.0f} ms (p{100 * level:.0f})" for level in (0.5, 0.99))
        console.print(f"decided by {versions}; answers took {waits}", highlight=False)
    for reason, count in found.failed.most_common():
        console.print(f"[yellow]{count} failed with {plain(reason)}[/]", highlight=False)
