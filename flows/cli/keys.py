"""`moderato keys`: keys to the gateway, made, listed and revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Group, Parameter

if TYPE_CHECKING:
    from infra.gateway import KeyStore

Json = Annotated[bool, Parameter(help="print one JSON object", negative="")]
ScopeName = Literal["decide", "read", "approve", "admin"]  # infra.gateway.Scope, which would make --help slow

keys = App(
    name="keys",
    help="Create, list and revoke keys to the gateway.",
    group_commands=Group("Commands"),
)


@keys.command
def create(
    *,
    scope: Annotated[
        list[ScopeName],
        Parameter(
            help="what it is good for; repeat for several. decide: asks for decisions; read: reads again those that it "
            "asked for; admin: both, and reads those of every key",
            negative="",
        ),
    ],
    name: Annotated[str, Parameter(help="whose it is")] = "",
    json: Json = False,
) -> None:
    """Make a key and print it; it cannot be shown again."""
    from infra.gateway import Scope

    key, kept = _store().create([Scope(one) for one in scope], name)
    if json:
        _print_json({"key": key, "id": kept.key_id, "name": kept.name, "scopes": list(kept.scopes)})
    else:
        print(key)  # noqa: T201 - the command's own output


@keys.command(name="list")
def list_(*, json: Json = False) -> None:
    """Show every key's id, name, scopes and state; never the key."""
    found = _store().all()
    if json:
        hidden = [{name: value for name, value in vars(key).items() if name != "digest"} for key in found]
        _print_json({"keys": hidden})
        return
    from rich.table import Table

    from flows.cli.plain import plain, terminal

    table = Table("id", "name", "scopes", "created (UTC)", "revoked (UTC)")
    for key in found:
        revoked = f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else ""
        cells = (key.key_id, key.name, " ".join(key.scopes), f"{key.created_at:%Y-%m-%d %H:%M}", revoked)
        table.add_row(*map(plain, cells))
    terminal().print(table)


@keys.command
def revoke(key_id: Annotated[str, Parameter(help="an id from `moderato keys list`")], /) -> None:
    """Close a key for good; running gateways follow within seconds."""
    from flows.cli.plain import said

    key = _store().revoke(key_id)
    print(said(f"{key.key_id} is revoked"))  # noqa: T201 - the command's own output


def _store() -> KeyStore:
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    from infra.gateway import KeyStore
    from infra.lake import open_lake

    return KeyStore.of(open_lake(settings))


def _print_json(found: object) -> None:
    from pydantic_core import to_json

    print(to_json(found).decode())  # noqa: T201 - the command's own output
