"""Which files of a numbered table hold rows that are new: the others need not be opened again."""

from __future__ import annotations

import lance
import pyarrow.compute as pc
from lance.fragment import LanceFragment, RowIdSequence

NUMBER = "_rowid"
MAX_KNOWN_FILES = 100_000

_ends: dict[str, int] = {}  # by path; a file's rows keep their numbers, and no other file gets its name


def next_number(dataset: lance.LanceDataset) -> int:
    """One more than the greatest number of a row; 0 for no rows."""
    return max((_end(file) for file in dataset.get_fragments()), default=0)


def newer_files(dataset: lance.LanceDataset, number: int) -> list[LanceFragment]:
    """Files with a row of this number or a later one."""
    if len(_ends) > MAX_KNOWN_FILES:
        _ends.clear()
    return [file for file in dataset.get_fragments() if _end(file) > number]


def _end(file: LanceFragment) -> int:
    """One more than the greatest number of its rows."""
    path = file.metadata.files[0].path
    if path not in _ends:
        numbers = RowIdSequence.from_inline_metadata(file.metadata.row_id_meta).to_pyarrow()
        _ends[path] = int(pc.max(numbers).as_py()) + 1
    return _ends[path]
