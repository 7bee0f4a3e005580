"""Files of a source into the lake: read in pieces, checked, compared with the lake, committed file by file."""

from __future__ import annotations

import errno
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from infra.ingest.alone import settle_alone, tell_unknown
from infra.ingest.chunks import NOTHING, Unit, read_delimited, read_json
from infra.ingest.commit import Commit
from infra.ingest.database import Spare, database
from infra.ingest.deduplication import settle
from infra.ingest.first_load import first_load
from infra.ingest.labels import Labels
from infra.ingest.languages import identifier
from infra.ingest.locations import Folder, Found, Place, Zone, place_of
from infra.ingest.notes import Notes
from infra.ingest.opening import explained
from infra.ingest.parquet import read_parquet
from infra.ingest.pictures import read_images
from infra.ingest.reading import Reader
from infra.ingest.reject import BadLineError, Reject
from infra.ingest.source import Delimited, Images, Source, Tabular
from infra.ingest.staging import Staging
from infra.ingest.summary import Summary
from infra.ingest.tables.mapping import Map
from infra.ingest.tables.reading import mapped, read_table, source_called
from infra.ingest.tables.remembering import remember
from infra.lake import Lake, open_lake
from infra.settings import Settings
from models.domain.errors import UserError
from models.policies import POLICY_SETS

NO_FAULT_OF_THE_FILE = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO}
CLOCK_SKEW = timedelta(minutes=5)

Progress = Callable[[str, int, int], None]  # file, bytes done, bytes in all


def ingest(
    settings: Settings,
    source: str,
    path: str,
    *,
    dry_run: bool = False,
    again: bool = False,
    columns: Map | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Bring the files at `path` into the lake and count what became of every row; bad ones go to rejects.

    `source` is a name of the catalogue, or the path of a map's TOML file. `columns` says what the columns of a table
    mean, over what its source says. `again` reads objects of a landing zone that an earlier run took, too. Raises
    UnknownEntryError for an unknown source, UnreadableError or UnreachableError for a path that leads nowhere,
    MappingError for a map that cannot be meant. A dry run counts the same and writes nothing.
    """
    started = time.monotonic()
    entry = mapped(source_called(source), columns, POLICY_SETS[settings.policy_set])
    place = place_of(settings, source, path, again=again)
    with (
        tempfile.TemporaryDirectory(prefix="moderato-") as work,
        database(Path(work)) as connection,
        Spare(Path(work)) as spare,
    ):
        run = IngestRun(settings, entry, place, open_lake(settings), connection, spare, Path(work), dry_run)
        summary = Summary(source=source, path=path, dry_run=dry_run)
        for files in run.groups():
            summary = run.take(files, summary, progress)
    skipped = len(place.skipped) if isinstance(place, Zone) else 0
    seconds = round(time.monotonic() - started, 3)
    return summary.model_copy(update={"skipped": skipped, "noticed": run.notes.noticed(), "seconds": seconds})


@dataclass(frozen=True)
class IngestRun:
    """One source, one place, one lake."""

    settings: Settings
    source: Source
    place: Place
    lake: Lake
    connection: duckdb.DuckDBPyConnection
    spare: Spare
    work: Path
    dry_run: bool
    notes: Notes = field(default_factory=Notes)

    def groups(self) -> list[list[Found]]:
        """The files that are taken together: one by one, but images all at once."""
        files = self.place.files(self.notes)
        if isinstance(self.source.reads, Images):
            return [files] if files else []
        if isinstance(self.place, Folder) and self.place.only:
            return [files]
        suffixes = self.source.reads.suffixes
        for found in files:
            if not found.key.lower().endswith(suffixes):
                self.notes.add("other_suffix", f"{found.key}: {self.source.name} reads {', '.join(suffixes)}")
        return [[found] for found in files if found.key.lower().endswith(suffixes)]

    def take(self, files: Sequence[Found], summary: Summary, progress: Progress | None) -> Summary:
        now = datetime.now(UTC)
        labels = Labels(frozenset(POLICY_SETS[self.settings.policy_set].keys))
        first_time = self.of_posts and not self.dry_run
        direct = first_load(self.lake, labels, self.source.name, now) if first_time else nullcontext()
        with direct as load:
            staging = self._staged(files, labels, now, load.add if load else None, progress)
            settled = (
                settle(self.connection, self.lake, staging)
                if self.of_posts
                else settle_alone(self.connection, staging)
            )
            first = load if load and load.holds(settled) else None
            commit = Commit(self.connection, self.lake, staging, settled, now, self.dry_run, first)
            done = summary.model_copy(
                update={
                    "files": summary.files + len(files),
                    "rows": summary.rows + staging.seen,
                    "duplicates": summary.duplicates + len(settled.same),
                    "hashes": summary.hashes + commit.hashes(),
                    "posts": summary.posts + commit.posts(),
                    "judgements": summary.judgements + commit.judgements(),
                    "rejects": summary.rejects + commit.rejects(),
                }
            )
        if isinstance(self.source.reads, Tabular) and staging.refused and not self.dry_run:
            remember(self.settings, self.source.name, files[0].name, self.source.reads.map)
        if not self.of_posts:
            tell_unknown(self.connection, self.lake, staging, self.notes)
        if isinstance(self.place, Zone) and not self.dry_run:
            self.place.taken(files)
        return done

    @property
    def of_posts(self) -> bool:
        reads = self.source.reads
        return not isinstance(reads, Tabular) or reads.map.of_posts

    def _staged(
        self,
        files: Sequence[Found],
        labels: Labels,
        now: datetime,
        also: Callable[[pa.Table], None] | None,
        progress: Progress | None,
    ) -> Staging:
        fetch = partial(self.place.fetch, files[0])
        staging = Staging(
            self.work / "staged.arrow",
            self.connection,
            self.source.name,
            files[0].name,
            labels,
            fetch,
            self.of_posts,
            also,
        )
        workers = self.settings.threads or os.cpu_count() or 1
        identify = self.settings.identify_languages
        if identify:
            identifier()  # or it would be each row's fault that the library is missing
        reader = Reader(self.spare, self.source, now + CLOCK_SKEW, self.work, workers, self.notes, identify)
        done, total = 0, sum(found.size for found in files)
        for size in staging.fill(reader.read(files[0].name, self._units(files, labels.policies))):
            done = min(total, done + size)
            if progress:
                progress(files[0].name, done, total)
        return staging

    def _units(self, files: Sequence[Found], policies: frozenset[str]) -> Iterator[Unit]:
        """The files' pieces; a file that cannot be read on costs what follows in it, and a reject."""
        reads, first = self.source.reads, files[0]
        try:
            if isinstance(reads, Images):
                yield from read_images(self.place, files, reads, policies)
                return
            with self.place.local(first) as path:
                if isinstance(reads, Tabular):
                    yield from read_table(
                        first, path, reads.map, POLICY_SETS[self.settings.policy_set], self.notes
                    )
                elif isinstance(reads, Delimited):
                    yield from read_delimited(first, path, reads, self.notes)
                elif path.suffix.lower() == ".parquet":
                    yield from read_parquet(first, path, reads, self.notes)
                else:
                    yield from read_json(path)
        except BadLineError as error:
            yield _refused(Reject(first.name, 1, *error.args))
        except (UserError, MemoryError):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in NO_FAULT_OF_THE_FILE:
                raise
            yield _refused(Reject(first.name, 1, "unreadable_file", explained(error)))


def _refused(reject: Reject) -> Unit:
    return Unit(NOTHING, np.empty(0, np.int64), [reject], 0)
