"""`moderato ingest`: files of a source into the lake, and what became of every row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from flows.command_line.choices import SourceName

if TYPE_CHECKING:
    from rich.table import Table

    from flows.command_line.progress import Show
    from infra.ingest import Summary


def ingest(
    source: SourceName,
    path: Annotated[str, Parameter(help="a file, a folder of files, or s3://bucket/prefix")],
    /,
    *,
    dry_run: Annotated[bool, Parameter(negative="", help="count, and write nothing")] = False,
    json: Annotated[bool, Parameter(negative="", help="print one JSON object")] = False,
) -> None:
    """Bring posts and judgements into the lake; bad rows go to its rejects, each with its reason."""
    from functools import partial

    from rich.progress import DownloadColumn

    from flows.command_line.plain import plain, terminal
    from flows.command_line.progress import progress
    from infra import ingest as room
    from infra.environment import adopt
    from infra.settings import Settings

    settings = Settings()
    adopt(settings)
    messages = terminal(stderr=True)
    with progress(messages, DownloadColumn()) as show:
        summary = room.ingest(settings, source, path, dry_run=dry_run, progress=partial(_named, show))
    if not summary.rows and not summary.skipped:
        messages.print(
            f"moderato: {plain(path)} held no rows that {plain(source)} reads; nothing changed",
            style="yellow",
            soft_wrap=True,
        )
    if json:
        print(summary.model_dump_json())  # noqa: T201 - the command's own output
        return
    terminal().print(_table(summary))


def _named(show: Show, file: str, done: int, total: int) -> None:
    show(file.rpartition("/")[2], done, total)


def _table(summary: Summary) -> Table:
    from rich.table import Table
    from rich.text import Text

    from flows.command_line.plain import plain

    title = f"{plain(summary.source)}: {summary.rows:,} rows"
    table = Table("", "inserted", "updated", "unchanged", title=title)
    for name, changes in (("posts", summary.posts), ("judgements", summary.judgements)):
        table.add_row(
            name, *(f"{count:,}" for count in (changes.inserted, changes.updated, changes.unchanged))
        )
    notes = [f"{summary.rejects.total:,} rejects"] if summary.rejects.total else []
    notes += [f"  {count:,} {plain(reason)}" for reason, count in summary.rejects.by_reason.items()]
    notes += [f"{summary.duplicates:,} rows repeat an earlier one"] if summary.duplicates else []
    notes += [f"{summary.skipped:,} objects taken before"] if summary.skipped else []
    kept, dropped = summary.hashes.kept, summary.hashes.dropped
    notes += [f"{kept:,} hashes of pictures and frames kept"] if kept else []
    notes += [f"{dropped:,} pictures and frames show too little for one"] if dropped else []
    for kind, count in summary.noticed.by_kind.items():
        notes += [f"{count:,} {kind}: {', '.join(summary.noticed.examples[kind])}"]
    notes += ["dry run: nothing was written"] if summary.dry_run else []
    table.caption = Text("\n".join(notes))  # names are other people's, and no markup
    return table
