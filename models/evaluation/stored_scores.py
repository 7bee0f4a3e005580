"""A model's scores on judged posts as a file: what its thresholds were derived from, and what they were held against.

Other objectives are tried on these without the model. The file holds no content and no ids.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.evaluation.operating_points import JudgedScores

NAME = "scores.parquet"
DERIVED = "derived"  # thresholds come from it
ASSESSED = b"moderato.assessed"  # policies that anybody judged


@dataclass(frozen=True)
class StoredScores:
    """`derived` gave the thresholds; `held_out` did not, and is empty where every judged post was needed for them."""

    derived: JudgedScores
    held_out: JudgedScores


def write_scores(path: Path, scores: StoredScores) -> None:
    """One row a post: whether thresholds were derived from it, its market, its scores and labels by policy."""
    parts = [_table(scores.derived, derived=True), _table(scores.held_out, derived=False)]
    assessed = json.dumps(scores.derived.known)
    pq.write_table(pa.concat_tables(parts).replace_schema_metadata({ASSESSED: assessed}), path)


def read_scores(path: Path) -> StoredScores:
    table = pq.read_table(path)
    assessed = tuple(json.loads(table.schema.metadata[ASSESSED]))
    marks = table[DERIVED].to_numpy(zero_copy_only=False).astype(bool)
    return StoredScores(*(_evidence(table.filter(pa.array(mask)), assessed) for mask in (marks, ~marks)))


def _table(evidence: JudgedScores, *, derived: bool) -> pa.Table:
    columns = {DERIVED: pa.array([derived] * len(evidence.markets), pa.bool_())}
    columns["market"] = pa.array(evidence.markets.tolist(), pa.string())
    for place, policy in enumerate(evidence.policies):
        columns[f"score.{policy}"] = pa.array(evidence.scores[:, place].astype(np.float64))
        columns[f"label.{policy}"] = pa.array(evidence.labels[:, place].astype(np.float32))
    return pa.table(columns)


def _evidence(table: pa.Table, assessed: tuple[str, ...]) -> JudgedScores:
    policies = tuple(name.removeprefix("score.") for name in table.column_names if name.startswith("score."))

    def matrix(kind: str) -> np.ndarray:
        columns = [table[f"{kind}.{policy}"].to_numpy() for policy in policies]
        return np.stack(columns, axis=1) if len(table) else np.empty((0, len(policies)))

    markets = np.array(table["market"].to_pylist(), str)
    return JudgedScores(policies, matrix("score"), matrix("label"), markets, assessed)
