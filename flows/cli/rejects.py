"""`moderato rejects`: the rows that ingest refused, by reason; let go of, or tried again once they are mended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from infra.ingest.rejected import Among
    from infra.settings import Settings

Source = Annotated[str, Parameter(help="only those of a source")]
Reason = Annotated[str, Parameter(help="only those of a reason, as `moderato rejects list` names it")]
File = Annotated[str, Parameter(help="only those of a file")]
Json = Annotated[bool, Parameter(help="print one JSON object", negative="")]

rejects = App(
    name="rejects", help="Show the rows that ingest refused, by reason; let go of them, or try again."
)


@rejects.command(name="list")
def list_(*, source: Source = "", reason: Reason = "", file: File = "", json: Json = False) -> None:
    """Count them by source, file and reason, with an example of each."""
    from infra.ingest.rejected import groups

    settings, among = _asked(source, reason, file)
    found = groups(_lake(settings), among)
    if json:
        _print_json({"rejects": [group._asdict() for group in found]})
        return
    columns = ("rows", "reason", "source", "file", "example")
    _print(
        columns,
        [(f"{group.rows:,}", group.reason, group.source, group.file, group.example) for group in found],
    )


@rejects.command
def show(
    *,
    source: Source = "",
    reason: Reason = "",
    file: File = "",
    limit: Annotated[int, Parameter(help="how many at most")] = 20,
    json: Json = False,
) -> None:
    """Show some of them, with the row and what is wrong with it."""
    from infra.ingest.rejected import samples

    settings, among = _asked(source, reason, file)
    found = samples(_lake(settings), among, limit)
    if json:
        _print_json({"rejects": found})
        return
    columns = ("file", "row", "reason", "detail")
    _print(columns, [tuple(str(row[name]) for name in columns) for row in found])


@rejects.command
def clear(
    *,
    source: Source = "",
    reason: Reason = "",
    file: File = "",
    all_: Annotated[bool, Parameter(name="--all", negative="", help="all of them")] = False,
) -> None:
    """Let go of rejects. Nothing else is lost: a file that is read again is refused again for what is wrong with it."""
    from flows.cli.plain import said
    from infra.ingest.rejected import clear as let_go
    from models.domain.errors import UserError

    settings, among = _asked(source, reason, file)
    if not (source or reason or file or all_):
        raise UserError("say which with --reason, --source or --file, or --all for all of them")
    print(said(f"{let_go(_lake(settings), among):,} rejects cleared"))  # noqa: T201 - the command's own output


@rejects.command
def retry(
    *,
    source: Source = "",
    reason: Reason = "",
    file: File = "",
    map_: Annotated[
        list[str] | None,
        Parameter(
            name="--map",
            negative="",
            help="of tables: another map, in place of the one that they were read by",
        ),
    ] = None,
    word: Annotated[
        list[str] | None, Parameter(negative="", help="of tables: what a word means; repeat")
    ] = None,
) -> None:
    """Read their files again: mended rows come in, and are rejects no longer. A table is read by the map it had."""
    from flows.cli.plain import plain, terminal
    from infra.ingest.rejected import retry as again
    from models.domain.errors import UserError

    settings, among = _asked(source, reason, file)
    messages = terminal(stderr=True)
    tell = lambda what: messages.print(plain(f"reading {what}"), style="dim", soft_wrap=True)  # noqa: E731
    tried = again(settings, among, _said(map_ or [], word or []), tell)
    columns = ("file", "rejects before", "now", "")
    _print(columns, [(each.file, f"{each.before:,}", f"{each.after:,}", each.why) for each in tried])
    if tried and all(each.after >= each.before for each in tried):
        told = next(
            (each.why for each in tried if each.why), "moderato rejects show says what is wrong with them"
        )
        raise UserError(f"none of the {sum(each.before for each in tried):,} rejects is mended; {told}")


def _said(maps: list[str], words: list[str]) -> Any:
    """What a command says of the columns, over the map that is kept for the file."""
    from infra.ingest.tables.mapping import Map, load, pairs, spoken

    files = [Path(word) for word in maps if Path(word).is_file()]
    said = spoken([word for word in maps if not Path(word).is_file()])
    for path in files:
        said = said.over(load(path))
    said = said.model_copy(update={"words": said.words | pairs(words, "--word")})
    return said if said != Map() else None


def _asked(source: str, reason: str, file: str) -> tuple[Settings, Among]:
    from infra.environment import adopt
    from infra.ingest.rejected import Among
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    at = str(Path(file).absolute()) if file and Path(file).exists() else file
    return settings, Among(source, reason, at)


def _lake(settings: Settings) -> Any:
    from infra.lake import open_lake

    return open_lake(settings)


def _print(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.table import Table

    from flows.cli.plain import plain, terminal

    if not rows:
        print("no rejects")  # noqa: T201 - the command's own output
        return
    table = Table(*columns)
    for row in rows:
        table.add_row(*map(plain, row))
    terminal().print(table)


def _print_json(found: object) -> None:
    from pydantic_core import to_json

    print(to_json(found).decode())  # noqa: T201 - the command's own output
