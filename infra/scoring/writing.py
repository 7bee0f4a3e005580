"""Scores as a Parquet file that appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.content import Action, Reason, Unread
from models.errors import UserError
from models.schemas import UNREAD

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


class BareScoreFile:
    """Columns post_id and one a policy with its score. A context: renamed when it ends well."""

    def __init__(self, path: Path, policies: Sequence[str], *others: pa.Field) -> None:
        """Raises UnwritableScoresError."""
        self.path, self.part = path, path.with_name(f".{path.name}.{os.getpid()}.part")
        scores = [pa.field(policy, pa.float64()) for policy in policies]
        self.schema = pa.schema([pa.field("post_id", pa.string()), *scores, *others])
        try:
            self.stream = self.part.open("wb")
        except OSError as error:
            raise UnwritableScoresError(
                f"cannot write {str(path)!r}: {error.strerror}; choose another place"
            ) from None
        self.writer = pq.ParquetWriter(self.stream, self.schema)

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
        self.writer.close()
        self.stream.close()
        if kind is None:
            self.part.replace(self.path)
        else:
            self.part.unlink(missing_ok=True)


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
