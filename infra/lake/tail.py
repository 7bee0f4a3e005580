"""What a numbered table has gained since it was last read: files of before are not opened again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import lance
import pyarrow as pa
import pyarrow.compute as pc
from lance.fragment import LanceFragment, RowIdSequence

NUMBER = "_rowid"


@dataclass
class Tail:
    """Rows that meet the condition, in the order in which they were committed; `next` is the first number not read."""

    open_table: Callable[[], lance.LanceDataset]
    columns: tuple[str, ...]
    condition: str
    next: int = 0
    _ends: dict[int, int] = field(default_factory=dict)  # numbers after the last of each file, which never change

    def read(self) -> pa.Table:
        """What is new; the first time everything, by index where there is one of a column of the condition."""
        dataset = self.open_table()
        files = self._newer(dataset)
        if not self.next:
            found = dataset.to_table(columns=list(self.columns), filter=self.condition)
        elif files:
            found = dataset.scanner(
                columns=list(self.columns),
                filter=f"{NUMBER} >= {self.next} AND ({self.condition})",
                fragments=files,
                use_scalar_index=False,  # it would name rows of all files
            ).to_table()
        else:
            found = dataset.to_table(columns=list(self.columns), limit=0)
        self.next = max([self.next, *self._ends.values()])
        return found

    def skip_to_last(self, rows: int) -> Tail:
        """Begins with about the last so many rows that the table has now."""
        self._newer(self.open_table())
        self.next = max([0, *(last - rows for last in self._ends.values())])
        return self

    def _newer(self, dataset: lance.LanceDataset) -> list[LanceFragment]:
        """Files that hold a number not read yet."""
        files = dataset.get_fragments()
        self._ends = {
            file.fragment_id: self._ends.get(file.fragment_id) or _end(file) for file in files
        }
        return [file for file in files if self._ends[file.fragment_id] > self.next]


def _end(file: LanceFragment) -> int:
    numbers = RowIdSequence.from_inline_metadata(file.metadata.row_id_meta).to_pyarrow()
    return int(pc.max(numbers).as_py()) + 1
