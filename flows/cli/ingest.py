"""`moderato ingest`: files of a source into the lake, and what became of every row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from flows.cli.choices import SourceName

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from flows.cli.progress import Show
    from infra.ingest import Summary
    from infra.ingest.tables.mapping import Map
    from infra.settings import Settings

Words = list[str]
SNIFFED = "sniffed"  # a note of how a file was read


def ingest(
    source: SourceName,
    path: Annotated[str, Parameter(help="a file, a folder of files, or s3://bucket/prefix")],
    /,
    *,
    map_: Annotated[
        Words | None,
        Parameter(
            name="--map",
            negative="",
            help="of a table: which column is what, as text=Comment,hate_speech=Hate,author_id=User, or a file that "
            "--save wrote; a fraction as profanity=Score>=0.5 or, a share of ten votes, profanity=Score/10",
        ),
    ] = None,
    set_: Annotated[
        Words | None,
        Parameter(
            name="--set", negative="", help="of a table: what all rows have alike, as market=DE,language=de"
        ),
    ] = None,
    word: Annotated[
        Words | None,
        Parameter(
            negative="",
            help="of a table: what a word means, as spam=fraud_and_spam, ham=no, or x=yes; repeat",
        ),
    ] = None,
    save: Annotated[Path | None, Parameter(help="of a table: keep the map as this TOML file")] = None,
    encoding: Annotated[str, Parameter(help="of a table, where sniffing is wrong: as cp1252")] = "",
    delimiter: Annotated[str, Parameter(help="likewise, between fields")] = "",
    sheet: Annotated[str, Parameter(help="of a spreadsheet: the sheet's name")] = "",
    dates: Annotated[str, Parameter(help="of a table: the form of its times, as %d.%m.%Y %H:%M")] = "",
    dry_run: Annotated[bool, Parameter(negative="", help="count, and write nothing")] = False,
    json: Annotated[bool, Parameter(negative="", help="print one JSON object")] = False,
) -> None:
    """Bring posts and judgements into the lake; bad rows go to its rejects, each with its reason.

    A source `table` without --map stores nothing: it shows the columns, what they may mean, and the command to run.
    """
    from flows.cli.table import Asked, chosen
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    reading = {"encoding": encoding, "delimiter": delimiter, "sheet": sheet, "dates": dates}
    asked = Asked(
        map_ or [], set_ or [], word or [], {key: value for key, value in reading.items() if value}, save
    )
    columns = chosen(settings, source, path, asked, show_rows=dry_run and not json)
    summary = bring(settings, source, path, columns, dry_run=dry_run)
    report(summary, json=json)


def bring(
    settings: Settings,
    source: str,
    path: str,
    columns: Map | None,
    *,
    dry_run: bool = False,
    again: bool = False,
) -> Summary:
    """Ingest with a bar for what takes long, and a word where there was nothing to read."""
    from functools import partial

    from rich.progress import DownloadColumn

    from flows.cli.plain import plain, terminal
    from flows.cli.progress import progress
    from infra import ingest as room

    messages = terminal(stderr=True)
    with progress(messages, DownloadColumn()) as show:
        summary = room.ingest(
            settings,
            source,
            path,
            dry_run=dry_run,
            again=again,
            columns=columns,
            progress=partial(_named, show),
        )
    if not summary.rows and not summary.skipped:
        messages.print(
            f"moderato: {plain(path)} held no rows that {plain(source)} reads; nothing changed",
            style="yellow",
            soft_wrap=True,
        )
    return summary


def report(summary: Summary, *, json: bool, console: Console | None = None) -> None:
    """What became of every row. Raises NothingStoredError where all were refused."""
    from flows.cli.plain import plain, terminal
    from infra.ingest.summary import nothing_stored

    if json:
        print(summary.model_dump_json())  # noqa: T201 - the command's own output
    else:
        screen = console or terminal()
        screen.print(_table(summary))
        for line in _notes(summary):
            screen.print(plain(line), highlight=False, soft_wrap=True)
    if error := nothing_stored(summary):
        raise error


def _named(show: Show, file: str, done: int, total: int) -> None:
    show(file.rpartition("/")[2], done, total)


def _table(summary: Summary) -> Table:
    from rich.table import Table

    from flows.cli.plain import plain

    title = f"{plain(summary.source)}: {summary.rows:,} rows"
    table = Table("", "inserted", "updated", "unchanged", title=title)
    for name, changes in (("posts", summary.posts), ("judgements", summary.judgements)):
        table.add_row(
            name, *(f"{count:,}" for count in (changes.inserted, changes.updated, changes.unchanged))
        )
    return table


def _notes(summary: Summary) -> list[str]:
    """Names in them are other people's, and no markup."""
    notes = [f"{summary.rejects.total:,} rejects; moderato rejects show"] if summary.rejects.total else []
    notes += [
        f"  {count:,} {reason}: {'; '.join(summary.rejects.examples.get(reason, []))}".removesuffix(": ")
        for reason, count in summary.rejects.by_reason.items()
    ]
    notes += [f"{summary.duplicates:,} rows repeat an earlier one"] if summary.duplicates else []
    notes += [f"{summary.skipped:,} objects taken before"] if summary.skipped else []
    kept, dropped = summary.hashes.kept, summary.hashes.dropped
    notes += [f"{kept:,} hashes of pictures and frames kept"] if kept else []
    notes += [f"{dropped:,} pictures and frames show too little for one"] if dropped else []
    for kind, count in summary.noticed.by_kind.items():
        told = ", ".join(summary.noticed.examples[kind])
        notes += [f"read as {told}" if kind == SNIFFED else f"{count:,} {kind}: {told}"]
    return [*notes, "dry run: nothing was written"] if summary.dry_run else notes
