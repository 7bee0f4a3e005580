"""The map of a table: from a command's words, from a file, or guessed and shown with the command that says it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.ingest.source import Tabular
from infra.ingest.tables.mapping import (
    Map,
    MappingError,
    Reading,
    checked,
    command,
    load,
    pairs,
    spoken,
    toml,
)
from infra.ingest.tables.reading import source_called
from models.domain.errors import UserError
from models.policies import POLICY_SETS

if TYPE_CHECKING:
    from infra.ingest.tables.preview import Sample
    from infra.settings import Settings

EXAMPLES, CUT = 3, 48  # values shown of a column, and characters of one


class NothingMappedError(UserError):
    """A table was looked at, and nothing was stored."""


@dataclass(frozen=True)
class Asked:
    """What a command says of a table's columns."""

    maps: list[str]
    constants: list[str]
    words: list[str]
    reading: dict[str, str]
    save: Path | None = None

    @property
    def says_something(self) -> bool:
        return bool(self.maps or self.constants or self.words or self.reading or self.save)

    def map(self, columns: list[str]) -> Map:
        """All of it as one map; raises MappingError."""
        files = [word for word in self.maps if "=" not in word or Path(word).is_file()]
        said = spoken([word for word in self.maps if word not in files], columns)
        reading = Reading(**self.reading)
        said = said.model_copy(
            update={
                "constants": pairs(self.constants, "--set"),
                "words": pairs(self.words, "--word"),
                "reading": reading,
            }
        )
        for name in files:
            said = said.over(load(Path(name)))
        return said


def chosen(settings: Settings, source: str, path: str, asked: Asked, *, show_rows: bool) -> Map | None:
    """The map to read with, None for a source that has no need of one.

    Raises NothingMappedError once a table without a map was shown, MappingError for a map that cannot be meant.
    """
    reads = source_called(source).reads
    if not isinstance(reads, Tabular):
        if asked.says_something:
            raise MappingError(f"{source} reads columns of its own; for others: moderato ingest table {path}")
        return None
    if reads.map.columns and not asked.says_something:
        return None
    from infra.ingest.tables.preview import guess, require, resolved, sample

    policy_set = POLICY_SETS[settings.policy_set]
    first = Map(reading=Reading(**asked.reading))
    files = [Path(word) for word in asked.maps if Path(word).is_file()]
    first = first.over(load(files[0])) if files else first
    seen = sample(settings, source, path, first)
    said = asked.map(list(seen.columns)).over(reads.map)
    if reads.map.columns or asked.maps:
        given = resolved(checked(said, policy_set.keys), seen, policy_set)
        require(seen, given)
        _keep(given, asked.save)
        _advise(seen, given)
        if show_rows:
            _show_rows(settings, seen, given)
        return given
    given = guess(settings, seen, said)
    _keep(given, asked.save)
    _show(seen, given)
    _advise(seen, given)
    _show_rows(settings, seen, given)
    raise _to_store(source, path, given, asked.save)


def _to_store(source: str, path: str, given: Map, save: Path | None) -> UserError:
    if not given.of_posts and "post_id" not in given.columns:
        return NothingMappedError(
            "nothing was stored, and no column is plainly a post's text; say which, as in --map text=COLUMN"
        )
    line = f"moderato ingest {source} {path} --map {save}" if save else command(given, source, path)
    return NothingMappedError(f"nothing was stored yet; if that is what the columns mean, run: {line}")


def _keep(given: Map, save: Path | None) -> None:
    if save is not None:
        save.write_text(toml(given), encoding="utf-8")


def _show(seen: Sample, given: Map) -> None:
    from rich.table import Table

    from flows.cli.plain import plain, terminal

    console, read = terminal(), given.wanted()
    title = plain("; ".join(seen.told) or seen.file)
    table = Table("column", "filled", "values", "read as", title=title)
    for name, values in seen.columns.items():
        examples = " | ".join(value.strip()[:CUT] for value in list(dict.fromkeys(values))[:EXAMPLES])
        table.add_row(
            plain(name), f"{len(values) / max(1, seen.rows):.0%}", plain(examples), plain(read.get(name, ""))
        )
    console.print(table)


def _show_rows(settings: Settings, seen: Sample, given: Map) -> None:
    """The first rows as they would be stored."""
    from rich.table import Table

    from flows.cli.plain import plain, terminal
    from infra.ingest.tables.preview import as_stored

    rows = as_stored(settings, seen, given)
    fields = [name for name in rows[0] if name != "problem"] if rows else []
    table = Table(*map(plain, fields), title=f"the first {len(rows)} rows as they would be stored")
    for row in rows:
        table.add_row(*(plain(_cell(row, name)) for name in fields))
    terminal().print(table)


def _cell(row: dict[str, Any], name: str) -> str:
    if name != "labels":
        return str(row[name] or "")[:CUT]
    if row["problem"]:
        reason, _, detail = row["problem"].partition("|")
        return f"rejected: {reason}: {detail}"
    import json

    return ", ".join(_verdict(entry) for entry in json.loads(row["labels"] or "[]")) or "unknown"


def _verdict(entry: dict[str, Any]) -> str:
    votes = f" ({entry['violating']} of {entry['votes']} votes)" if "votes" in entry else ""
    who = f" by {entry['moderator_id']}" if entry["moderator_id"] else ""
    gone = " withdrawn" if entry.get("withdrawn") else ""
    return f"{entry['policy']} {'yes' if entry['violates'] else 'no'}{votes}{who}{gone}"


def _advise(seen: Sample, given: Map) -> None:
    from flows.cli.plain import plain, terminal
    from infra.ingest.tables.preview import advice

    for told in advice(seen, given):
        terminal(stderr=True).print(
            f"moderato: {plain(told)}", style="yellow", highlight=False, soft_wrap=True
        )
