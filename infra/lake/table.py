"""One Lance table: versions, atomic upserts by key, tags that keep a version from being cleaned away."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import lance
import pyarrow as pa
import pyarrow.compute as pc
from lance.commit import CommitConflictError
from lance.fragment import write_fragments

from infra.lake.conditions import among
from infra.lake.indexes import Index, bring_up_to_date, is_behind
from infra.lake.merging import KEYS_AT_ONCE, is_few, merged
from infra.lake.numbers import NUMBER, newer_files, next_number
from infra.lake.rows import Door
from models.domain.errors import UserError, is_overtaken, says_absent


class NoSuchVersionError(UserError):
    """A table had no version at the time asked for."""


@dataclass(frozen=True)
class Upsert:
    inserted: int
    updated: int


@dataclass(frozen=True)
class Table:
    """A table that may not exist yet: reading an absent one gives no rows, the first write makes it.

    With `numbered` each row keeps a number that only grows from commit to commit, compacted or not; one that an upsert
    replaces gets a new number. A table that has grown has `indexes`, the first of them of a column of its keys.
    """

    uri: str
    schema: pa.Schema
    keys: tuple[str, ...] = ()
    storage_options: dict[str, str] = field(default_factory=dict, repr=False)
    numbered: bool = False
    indexes: tuple[Index, ...] = ()
    session: lance.Session | None = field(
        default=None, repr=False, compare=False
    )  # keeps what it read of indexes

    def exists(self) -> bool:
        return self.opened() is not None

    def is_empty(self) -> bool:
        dataset = self.opened()
        return dataset is None or dataset.count_rows() == 0

    def opened(self) -> lance.LanceDataset | None:
        """The table as it stands; None where there is none yet."""
        try:
            return self.open()
        except (ValueError, FileNotFoundError) as error:
            if says_absent(error):
                return None
            raise

    def open(self, version: int | str | None = None) -> lance.LanceDataset:
        """The table at a version number or tag, the newest by default; raises ValueError where there is none."""
        options = self.storage_options or None
        return lance.dataset(self.uri, version=version, storage_options=options, session=self.session)

    def create(self) -> lance.LanceDataset:
        """The table, made empty where it is absent, with every column of its schema that may be missing in a row."""
        if not self.exists():
            empty = pa.RecordBatchReader.from_batches(_keyed(self.schema, self.keys), [])
            try:
                lance.write_dataset(
                    empty,
                    self.uri,
                    mode="create",
                    storage_options=self.storage_options or None,
                    enable_stable_row_ids=self.numbered,
                )
            except OSError:
                if not self.exists():  # or another writer was first
                    raise
        return self._widened(self.open())

    def _widened(self, dataset: lance.LanceDataset) -> lance.LanceDataset:
        """With the nullable columns that a table made by an older release lacks; a commit of metadata alone."""
        missing = self._missing(dataset)
        if not missing:
            return dataset
        try:
            dataset.add_columns(pa.schema(missing))
        except (CommitConflictError, OSError, ValueError):
            if self._missing(self.open()):  # or another writer was first
                raise
        return self.open()

    def _missing(self, dataset: lance.LanceDataset) -> list[pa.Field]:
        there = set(dataset.schema.names)
        return [column for column in self.schema if column.nullable and column.name not in there]

    def upsert(self, batches: Iterable[pa.RecordBatch]) -> Upsert:
        """Insert the rows whose keys are new and replace those that are there, in one commit; none for no rows."""
        rows = iter(batches)
        first = next(rows, None)
        if first is None:
            return Upsert(inserted=0, updated=0)
        batches = itertools.chain([first], rows)
        dataset = self.create()
        written = self.write(dataset, batches)
        return self._merge(written) if dataset.count_rows() else self.fill(dataset, written)

    def _door(self) -> Door:
        return Door(self.schema, self.uri)

    def _merge(self, written: list[lance.FragmentMetadata]) -> Upsert:
        column = next((index.column for index in self.indexes if index.column in self.keys), self.keys[0])
        updated = merged(self.open, written, self.keys, column, self.storage_options)
        self._keep_indexed()
        return Upsert(inserted=sum(it.physical_rows for it in written) - updated, updated=updated)

    def _keep_indexed(self) -> None:
        """Indexes follow the rows that a write brought, once these are many."""
        dataset = self.open()
        if is_behind(dataset, self.indexes):
            bring_up_to_date(dataset, self.indexes)

    def replace_where(self, rows: pa.Table, condition: str) -> int:
        """How many rows took their place: those whose key is new, and those whose `target` row meets the condition.

        Atomic, whoever else writes at once: what a lock between machines needs.
        """
        merge = self.create().merge_insert(list(self.keys)).when_matched_update_all(condition)
        counts = self._door().through(rows.to_batches(), merge.when_not_matched_insert_all().execute)
        return int(counts["num_inserted_rows"] + counts["num_updated_rows"])

    def write(
        self, dataset: lance.LanceDataset, batches: Iterable[pa.RecordBatch]
    ) -> list[lance.FragmentMetadata]:
        """Files of rows that belong to no version of the table yet. Raises UnfitRowsError, as all that writes does."""

        def written(reader: pa.RecordBatchReader) -> list[lance.FragmentMetadata]:
            fragments: list[lance.FragmentMetadata] = write_fragments(
                reader, dataset, mode="append", storage_options=self.storage_options or None
            )
            return fragments

        return self._door().through(batches, written)

    def fill(self, dataset: lance.LanceDataset, fragments: list[lance.FragmentMetadata]) -> Upsert:
        """Commit what was written for `dataset`; where that is empty, without the join that a merge costs.

        An overwrite without retries commits only onto the very version that is empty. Where another writer was
        first, what was written stays readable as a detached version, and is merged after all.
        """
        options = self.storage_options or None
        load = lance.LanceOperation.Overwrite(dataset.schema, fragments)
        commit = partial(
            lance.LanceDataset.commit, self.uri, load, read_version=dataset.version, storage_options=options
        )
        if not dataset.count_rows():
            with suppress(CommitConflictError):
                inserted = commit(max_retries=0).count_rows()
                self._keep_indexed()
                return Upsert(inserted=inserted, updated=0)
        written = commit(detached=True)
        again = (batch.select(self.schema.names) for batch in written.to_batches())
        return self._merge(self.write(self.open(), again))

    def append(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Add rows, in one commit."""
        self.create()
        options = self.storage_options or None
        self._door().through(
            batches,
            lambda reader: lance.write_dataset(reader, self.uri, mode="append", storage_options=options),
        )

    def append_missing(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Add the rows whose key the table lacks: for rows that never change, and that no other writer brings."""
        dataset, (key,) = self.create(), self.keys
        missing = []
        for piece in filter(len, pa.Table.from_batches(batches, self.schema).to_batches(KEYS_AT_ONCE)):
            there = dataset.to_table(columns=[key], filter=among(key, piece[key].to_pylist()))[key]
            missing.append(piece.filter(pc.invert(pc.is_in(piece[key], value_set=there.combine_chunks()))))
        if any(map(len, missing)):
            self.append(missing)

    def holding(
        self, count: int, values: Callable[[], Iterable[str]], columns: Sequence[str], condition: str = ""
    ) -> pa.RecordBatchReader:
        """At least the rows whose indexed key is one of `count` values, of those that meet the condition.

        A few values are looked up; for many the table is read whole, and they are never asked for.
        """
        dataset, column = self.open(), self.indexes[0].column
        if is_few(dataset, column, count):
            wanted = sorted(set(values()))
            condition = " AND ".join(filter(None, (among(column, wanted) if wanted else "false", condition)))
        return dataset.scanner(columns=list(columns), filter=condition or None).to_reader()

    def since(self, number: int, columns: list[str], condition: str) -> pa.Table:
        """Rows of a numbered table from `number` on that meet the condition; their numbers are in `_rowid`."""
        return self.gained(number, columns, condition)[0]

    def gained(self, number: int, columns: list[str], condition: str) -> tuple[pa.Table, int]:
        """The same, and the number from which on to read next: rows that do not meet the condition are passed, too.

        From 0 on by the indexes of the condition's columns; from a later number only files that hold what is new.
        """
        dataset = self.open()
        return self._from(dataset, number, columns, condition), max(number, next_number(dataset))

    def _from(self, dataset: lance.LanceDataset, number: int, columns: list[str], condition: str) -> pa.Table:
        if not number:
            return dataset.to_table(columns=columns, filter=condition, with_row_id=True)
        files = newer_files(dataset, number)
        if not files:
            return dataset.to_table(columns=columns, limit=0, with_row_id=True)
        return dataset.scanner(
            columns=columns,
            filter=f"{NUMBER} >= {number} AND ({condition})",
            with_row_id=True,
            fragments=files,
            use_scalar_index=False,  # it would name rows of all files
        ).to_table()

    def delete(self, condition: str) -> int:
        """Take out the rows that meet the condition, in one commit; none for no rows. How many they were."""
        count = self.open().count_rows(condition) if self.exists() else 0
        if count:
            self.open().delete(condition)
        return count

    def small_files(self, rows: int) -> int:
        """How many files hold fewer than so many rows."""
        return sum(fragment.physical_rows < rows for fragment in self.open().get_fragments())

    def compact(self, rows: int, keep: timedelta, most_new_rows: int | None = None) -> None:
        """Merge files of fewer than `rows` rows, let the indexes know of all rows, and forget versions older than
        `keep` that have no tag.

        most_new_rows: rows of the largest table whose missing indexes are made here; None for any. Another writer that
        changes the same files at the same time goes first, and nothing is merged here.
        """
        try:
            self.open().optimize.compact_files(target_rows_per_fragment=rows)
        except (CommitConflictError, OSError) as error:
            if not is_overtaken(error):
                raise
        bring_up_to_date(self.open(), self.indexes, most_new_rows)
        self.open().cleanup_old_versions(older_than=keep, error_if_tagged_old_versions=False)

    def version_at(self, time: datetime) -> int:
        """The newest version committed at or before `time`; raises NoSuchVersionError."""
        versions = self.open().versions()
        known = [entry["version"] for entry in versions if _utc(entry["timestamp"]) <= time]
        if not known:
            first = min(_utc(entry["timestamp"]) for entry in versions)
            raise NoSuchVersionError(
                f"{self.uri} holds nothing as of {time.isoformat()}; it begins {first.isoformat()}"
            )
        return int(max(known))

    def version_by(self, time: datetime | None) -> int:
        """The newest version committed at or before `time`, of all where that is None; raises NoSuchVersionError."""
        return int(self.open().version) if time is None else self.version_at(time)

    def tag(self, name: str, version: int) -> None:
        """Name a version and keep it from clean-up; tagging again moves the tag."""
        tags = self.open().tags
        if name in tags.list():
            tags.update(name, version)
        else:
            tags.create(name, version)


def _keyed(schema: pa.Schema, keys: tuple[str, ...]) -> pa.Schema:
    """The schema with its keys marked, by which Lance sees that two writers insert the same row at once."""
    marks = {"lance-schema:unenforced-primary-key": "true"}
    return pa.schema([item.with_metadata(marks) if item.name in keys else item for item in schema])


def _utc(moment: datetime) -> datetime:
    """Lance reports commit times as naive local times."""
    return moment.astimezone(UTC)
