"""Scalar indexes: a look-up by key reads a few pages of an index, however large its table is.

An index knows the rows of the files that were there when it was last brought up to date; Lance reads the other files
whole, so that an index that is behind costs time and never a row. New rows become a segment of their own, and segments
of like size are merged as in a log-structured merge tree (O'Neil et al., 1996): each row is written again about as
often as its table doubles.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

import lance
from lance.commit import CommitConflictError
from lance.indices import IndexConfig

log = logging.getLogger(__name__)

PAGE_ROWS = (
    512  # of a B-tree: Lance's 4,096 make 1,000 keys at random cost six times as much at 1,000,000 rows
)
MIN_INDEXED_ROWS = 100_000  # of a table: fewer are read whole in milliseconds
MAX_ROWS_BEHIND = 100_000  # and
MAX_FILES_BEHIND = 64  # that no index knows of: with more, a write brings the indexes up to date
LIKE_SIZE = 2  # a segment at most so many times as large as what comes is merged with it


@dataclass(frozen=True)
class Index:
    """Of one column: a B-tree where values tell rows apart, a bitmap where many rows share each of a few values."""

    column: str
    kind: Literal["BTREE", "BITMAP"] = "BTREE"

    @property
    def name(self) -> str:
        return f"{self.column}_idx"


def is_indexed(dataset: lance.LanceDataset, column: str) -> bool:
    return any(described.field_names == [column] for described in dataset.describe_indices())


def is_behind(dataset: lance.LanceDataset, indexes: tuple[Index, ...]) -> bool:
    """Whether an index that the table is large enough for is missing, knows none of its rows any more since all were
    replaced, or has fallen too far behind.
    """
    rows, files = dataset.count_rows(), set(dataset.fragment_ids())
    if not indexes or rows < MIN_INDEXED_ROWS:
        return False
    known = {described.name: described for described in dataset.describe_indices()}
    for index in indexes:
        if index.name not in known:
            return True
        indexed = known[index.name].num_rows_indexed  # those that are still there, in files of this version
        if not indexed or rows - indexed > MAX_ROWS_BEHIND:
            return True
        if len(files - _covered(known[index.name])) > MAX_FILES_BEHIND:
            return True
    return False


def bring_up_to_date(
    dataset: lance.LanceDataset, indexes: tuple[Index, ...], most_new_rows: int | None = None
) -> None:
    """Make the indexes that the table is large enough for, and let those that are there know of every row.

    most_new_rows: rows of the largest table whose missing index is made; None for any. Another writer at the same
    time goes first, and what that leaves undone is for the next call.
    """
    rows = dataset.count_rows()
    known = {described.name: described for described in dataset.describe_indices()}
    for index in indexes:
        try:
            if index.name in known:
                _extend(dataset, known[index.name])
            elif rows >= MIN_INDEXED_ROWS and (most_new_rows is None or rows <= most_new_rows):
                _make(dataset, index)
        except (CommitConflictError, OSError) as error:
            log.warning(
                "no index yet", extra={"column": index.column, "table": dataset.uri, "error": str(error)}
            )


def _make(dataset: lance.LanceDataset, index: Index) -> None:
    kind = IndexConfig("btree", {"zone_size": PAGE_ROWS}) if index.kind == "BTREE" else index.kind
    dataset.create_scalar_index(index.column, kind, name=index.name)


def _extend(dataset: lance.LanceDataset, described: lance.indices.IndexDescription) -> None:
    """With a segment of what is new, and the newest segments merged into it while they are not much larger."""
    rows = {fragment.fragment_id: fragment.physical_rows for fragment in dataset.get_fragments()}
    sizes = [sum(rows.get(file, 0) for file in segment.fragment_ids) for segment in described.segments]
    new = sum(rows[file] for file in rows.keys() - _covered(described))
    if not new:
        return
    merged = 0
    for size in reversed(sizes):
        if size > LIKE_SIZE * new:
            break
        new, merged = new + size, merged + 1
    dataset.optimize.optimize_indices(index_names=[described.name], num_indices_to_merge=merged)


def _covered(described: lance.indices.IndexDescription) -> set[int]:
    """Numbers of the files that the index knows."""
    return set().union(*(segment.fragment_ids for segment in described.segments))
