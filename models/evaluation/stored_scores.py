"""A model's scores on judged posts as a file: what its thresholds were derived from, and what they were held against.

Other objectives are tried on these without the model. The file holds no content and no ids.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.evaluation.operating_points import JudgedScores
from models.evaluation.prevalence import Prevalence
from models.evaluation.unjudged import Unjudged

NAME = "scores.parquet"
DERIVED = "derived"  # thresholds come from it
ASSESSED = b"moderato.assessed"  # policies that anybody judged
UNJUDGED = "unjudged"  # nobody judged it; missing in files of before
PREVALENCE = b"moderato.prevalence"  # what unjudged posts say of it, by policy


@dataclass(frozen=True)
class StoredScores:
    """`derived` gave the thresholds, with the unjudged posts that were looked at; `held_out` did not, and is empty
    where every judged post was needed for them.
    """

    derived: JudgedScores
    held_out: JudgedScores


def write_scores(path: Path, scores: StoredScores) -> None:
    """One row a post: whether thresholds were derived from it, its market, its scores and labels by policy."""
    parts = [_table(scores.derived, derived=True), _table(scores.held_out, derived=False)]
    metadata = {ASSESSED: json.dumps(scores.derived.known)}
    if (unjudged := scores.derived.unjudged) is not None:
        nothing = np.full(unjudged.scores.shape, np.nan)
        there = replace(scores.derived, scores=unjudged.scores, labels=nothing, markets=unjudged.markets)
        parts.append(_table(there, derived=True, unjudged=True))
        found = [it.model_dump(mode="json") for it in unjudged.prevalence.values()]
        metadata[PREVALENCE] = json.dumps(found)
    pq.write_table(pa.concat_tables(parts).replace_schema_metadata(metadata), path)


def read_scores(path: Path) -> StoredScores:
    table = pq.read_table(path)
    told = table.schema.metadata
    assessed = tuple(json.loads(told[ASSESSED]))
    derived, unjudged = _marks(table, DERIVED), _marks(table, UNJUDGED)
    masks = (derived & ~unjudged, ~derived, unjudged)
    first, second, third = (_evidence(table.filter(pa.array(mask)), assessed) for mask in masks)
    if PREVALENCE in told:
        found = [Prevalence.model_validate(it) for it in json.loads(told[PREVALENCE])]
        first = replace(
            first, unjudged=Unjudged(third.scores, third.markets, {it.policy: it for it in found})
        )
    return StoredScores(first, second)


def _marks(table: pa.Table, name: str) -> NDArray[np.bool_]:
    if name not in table.column_names:
        return np.zeros(len(table), bool)
    return np.asarray(table[name].to_numpy(zero_copy_only=False), bool)


def _table(evidence: JudgedScores, *, derived: bool, unjudged: bool = False) -> pa.Table:
    columns = {
        name: pa.array([mark] * len(evidence.markets), pa.bool_())
        for name, mark in ((DERIVED, derived), (UNJUDGED, unjudged))
    }
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
