"""Scores as a Parquet, CSV or JSONL file that appears whole or not at all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.domain.content import Action, Reason, Unread
from models.domain.errors import UserError
from models.domain.schemas import UNREAD
from models.process.atomic_write import whole_file

REASON = pa.struct(
    {
        "policy": pa.string(),
        "score": pa.float64(),
        "threshold": pa.float64(),
        "action": pa.string(),
        "market": pa.string(),
    }
)


class UnwritableScoresError(UserError):
    """A place where no scores can be written."""


class Writer(Protocol):
    """Batches of rows into an open file, in one format."""

    def write_batch(self, batch: pa.RecordBatch) -> None: ...

    def close(self) -> None: ...


class _Table:
    """CSV as spreadsheets read it: a line a post, and what a cell cannot hold as JSON."""

    def __init__(self, stream: BinaryIO, schema: pa.Schema) -> None:
        self._text = io.TextIOWrapper(stream, "utf-8", newline="")
        self._rows = csv.writer(self._text, lineterminator="\n")
        self._rows.writerow(schema.names)

    def write_batch(self, batch: pa.RecordBatch) -> None:
        self._rows.writerows([_cell(value) for value in row.values()] for row in batch.to_pylist())

    def close(self) -> None:
        self._text.detach()  # written through; the stream is its opener's


class _Lines:
    """JSONL: an object a post."""

    def __init__(self, stream: BinaryIO, schema: pa.Schema) -> None:  # noqa: ARG002 - as the others
        self._stream = stream

    def write_batch(self, batch: pa.RecordBatch) -> None:
        self._stream.writelines(_json(row).encode() + b"\n" for row in batch.to_pylist())

    def close(self) -> None:
        """Nothing is held back."""


FORMATS: dict[str, Callable[[BinaryIO, pa.Schema], Writer]] = {
    ".parquet": pq.ParquetWriter,
    ".csv": _Table,
    ".jsonl": _Lines,
}


def writable(path: Path) -> Callable[[BinaryIO, pa.Schema], Writer]:
    """What writes the format that a file's name asks for; raises UnwritableScoresError, which lists them."""
    if path.suffix.lower() not in FORMATS:
        raise UnwritableScoresError(
            f"{path.name!r} says no format that scores are written in; call it {path.stem}.parquet, "
            f"{path.stem}.csv or {path.stem}.jsonl"
        )
    return FORMATS[path.suffix.lower()]


class BareScoreFile:
    """Columns post_id and one a policy with its score. A context: renamed when it ends well."""

    def __init__(self, path: Path, policies: Sequence[str], *others: pa.Field) -> None:
        """Raises UnwritableScoresError."""
        writer = writable(path)
        self._open = ExitStack()
        scores = [pa.field(policy, pa.float64()) for policy in policies]
        self.schema = pa.schema([pa.field("post_id", pa.string()), *scores, *others])
        try:
            aside = self._open.enter_context(whole_file(path))
            self.stream = self._open.enter_context(aside.open("wb"))
        except OSError as error:
            raise UnwritableScoresError(
                f"cannot write {str(path)!r}: {error.strerror}; choose another place"
            ) from None
        self.writer = writer(self.stream, self.schema)
        self._open.callback(self.writer.close)

    def add(self, post_ids: Sequence[str], scores: NDArray[np.floating], *others: pa.Array) -> None:
        """Add posts; scores: [N, P], NaN where a policy is not assessed."""
        columns = [pa.array(column, from_pandas=True) for column in scores.astype(np.float64).T]
        arrays = [pa.array(post_ids, pa.string()), *columns, *others]
        self.writer.write_batch(pa.record_batch(arrays, schema=self.schema))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)


class ScoreFile(BareScoreFile):
    """Behind the scores, the columns action, reasons and unread."""

    def __init__(self, path: Path, policies: Sequence[str]) -> None:
        """Raises UnwritableScoresError."""
        reasons = pa.field("reasons", pa.list_(REASON))
        acted, unread = pa.field("action", pa.string()), pa.field("unread", UNREAD)
        super().__init__(path, policies, acted, reasons, unread)

    def write(
        self,
        post_ids: Sequence[str],
        scores: NDArray[np.floating],
        actions: Sequence[Action],
        reasons: Sequence[Sequence[Reason]],
        unread: Sequence[Sequence[Unread]],
    ) -> None:
        """Add posts; scores: [N, P], NaN where a policy is not assessed, which becomes an empty cell."""
        explained = [[reason.model_dump(mode="json") for reason in found] for found in reasons]
        acted = pa.array([str(action) for action in actions], pa.string())
        missed = [[item.model_dump(mode="json") for item in found] for found in unread]
        self.add(post_ids, scores, acted, pa.array(explained, pa.list_(REASON)), pa.array(missed, UNREAD))


def _cell(value: Any) -> Any:
    """[] is an empty cell: no reasons, nothing unread."""
    return (_json(value) if value else "") if isinstance(value, list) else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
