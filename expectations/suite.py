"""What a suite is: the rows it reads, the profiles it computes, and what it expects of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb
import pandas as pd
import pyarrow as pa

from models.domain.policy import PolicySet

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

Read = Callable[[Sequence[str]], pa.RecordBatchReader]


@dataclass(frozen=True)
class Scope:
    """What is validated. `tables` reads columns of posts, judgements, snapshot and, where there is one, baseline."""

    policy_set: PolicySet
    tables: Mapping[str, Read]

    @property
    def has_baseline(self) -> bool:
        return "baseline" in self.tables


@dataclass(frozen=True)
class Rows:
    """Expectations of each row of a table.

    `derive` is a DuckDB query over `batch`, some rows of `columns`; the column `has_media` says whether a post
    has an image or a video without reading them. `key` names a row in reports.
    """

    table: str
    columns: tuple[str, ...]
    derive: str
    key: tuple[str, ...]
    expect: Callable[[Scope], Sequence[Expectation]]

    def frame(self, connection: duckdb.DuckDBPyConnection, batch: pa.RecordBatch | pa.Table) -> pd.DataFrame:
        """The columns that the row expectations name, of one batch."""
        connection.register("batch", pa.table(batch))
        try:
            frame: pd.DataFrame = connection.sql(self.derive).df()
            return frame
        finally:
            connection.unregister("batch")


@dataclass(frozen=True)
class Profile:
    """Expectations of a small table that one query makes of what a suite's `prepare` left in the database."""

    name: str
    query: str
    key: tuple[str, ...]
    expect: Callable[[Scope], Sequence[Expectation]]
    needs_baseline: bool = False


@dataclass(frozen=True)
class Suite:
    """The expectations of one table; `name` is the file's and `prepare` its one pass over the tables."""

    name: str
    title: str
    rows: Rows
    prepare: Callable[[duckdb.DuckDBPyConnection, Scope], None]
    profiles: tuple[Profile, ...] = field(default=())
