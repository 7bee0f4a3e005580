"""The truth about simulated posts, for scoring against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infra.lake import Lake
from infra.simulator.plan import MODALITIES
from infra.simulator.scenarios import Modality
from infra.simulator.simulation import truth_table


@dataclass(frozen=True)
class Truth:
    """Rows in the order of the posts asked for, columns in the order of the policies asked for."""

    violates: np.ndarray  # bool [posts, policies]
    modality: np.ndarray  # int8 [posts, policies]: 0 none, 1 text, 2 image, 3 pair
    week: np.ndarray  # int32 [posts]

    def shown_by(self, modality: Modality) -> np.ndarray:
        """Where this modality shows the violation, bool [posts, policies]."""
        shown: np.ndarray = self.modality == 1 + MODALITIES.index(modality)
        return shown


def read_truth(lake: Lake, post_ids: Sequence[str], policies: Sequence[str]) -> Truth:
    """The truth about the posts; raises KeyError for a post that no simulation wrote."""
    wanted, columns = {post_id: row for row, post_id in enumerate(post_ids)}, list(policies)
    codes = np.zeros((len(post_ids), len(columns)), dtype=np.int8)
    week = np.zeros(len(post_ids), dtype=np.int32)
    scanner = truth_table(lake).open().scanner(columns=["post_id", "week", "policies", "modalities"])
    for batch in scanner.to_batches():
        for entry in batch.to_pylist():
            row = wanted.get(entry["post_id"])
            if row is None:
                continue
            week[row] = entry["week"]
            for policy, modality in zip(entry["policies"], entry["modalities"], strict=True):
                if policy in columns:
                    codes[row, columns.index(policy)] = 1 + MODALITIES.index(Modality(modality))
    if missing := [post_id for post_id, row in wanted.items() if week[row] == 0]:
        raise KeyError(f"no simulation wrote {len(missing)} of the posts, such as {missing[0]!r}")
    return Truth(codes > 0, codes, week)
