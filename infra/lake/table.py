"""One Lance table: versions, atomic upserts by key, tags that keep a version from being cleaned away."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import lance
import pyarrow as pa
from lance.commit import CommitConflictError
from lance.fragment import write_fragments

from infra.lake.rows import Door
from models.errors import UserError, says_absent


class NoSuchVersionError(UserError):
    """A table had no version at the time asked for."""


@dataclass(frozen=True)
class Upsert:
    inserted: int
    updated: int


@dataclass(frozen=True)
class Table:
    """A table that may not exist yet: reading an absent one gives no rows, the first write makes it.

    With `numbered` each row keeps a number that only grows from commit to commit, compacted or not.
    """

    uri: str
    schema: pa.Schema
    keys: tuple[str, ...] = ()
    storage_options: dict[str, str] = field(default_factory=dict, repr=False)
    numbered: bool = False

    def exists(self) -> bool:
        try:
            self.open()
        except (ValueError, FileNotFoundError) as error:
            if says_absent(error):
                return False
            raise
        return True

    def is_empty(self) -> bool:
        return not self.exists() or self.open().count_rows() == 0

    def open(self, version: int | str | None = None) -> lance.LanceDataset:
        """The table at a version number or tag, the newest by default; raises ValueError where there is none."""
        return lance.dataset(self.uri, version=version, storage_options=self.storage_options or None)

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
        return (
            self._door().through(batches, partial(self._merge, dataset))
            if dataset.count_rows()
            else self.fill(dataset, self.write(dataset, batches))
        )

    def _door(self) -> Door:
        return Door(self.schema, self.uri)

    def _merge(self, dataset: lance.LanceDataset, reader: pa.RecordBatchReader) -> Upsert:
        merge = dataset.merge_insert(list(self.keys)).when_matched_update_all().when_not_matched_insert_all()
        counts = merge.execute(reader)
        return Upsert(inserted=counts["num_inserted_rows"], updated=counts["num_updated_rows"])

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
                return Upsert(inserted=commit(max_retries=0).count_rows(), updated=0)
        written = commit(detached=True)
        try:
            return self._merge(self.open(), written.scanner().to_reader())
        except OSError as error:  # the table was empty still, and a third writer was first
            if "incompatible with concurrent transaction Overwrite" not in str(error):
                raise
            return self._merge(self.open(), written.scanner().to_reader())

    def append(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Add rows, in one commit."""
        self.create()
        options = self.storage_options or None
        self._door().through(
            batches,
            lambda reader: lance.write_dataset(reader, self.uri, mode="append", storage_options=options),
        )

    def since(self, number: int, columns: list[str], condition: str) -> pa.Table:
        """Rows of a numbered table from `number` on that meet the condition; their numbers are in `_rowid`."""
        scanner = self.open().scanner(
            columns=columns, filter=f"_rowid >= {number} AND {condition}", with_row_id=True
        )
        return scanner.to_table()

    def delete(self, condition: str) -> int:
        """Take out the rows that meet the condition, in one commit; none for no rows. How many they were."""
        count = self.open().count_rows(condition) if self.exists() else 0
        if count:
            self.open().delete(condition)
        return count

    def small_files(self, rows: int) -> int:
        """How many files hold fewer than so many rows."""
        return sum(fragment.physical_rows < rows for fragment in self.open().get_fragments())

    def compact(self, rows: int, keep: timedelta) -> None:
        """Merge files of fewer than `rows` rows, and forget versions older than `keep` that have no tag.

        Another writer that changes the same files at the same time goes first, and nothing is done here.
        """
        with suppress(CommitConflictError):
            self.open().optimize.compact_files(target_rows_per_fragment=rows)
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
