"""How many judged violations each split of a snapshot holds, and whether more of them would let a model act.

Counts alone: no score is looked at, so that what is derived afterwards is not chosen by its result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import lance
import numpy as np
from numpy.typing import NDArray

from models.data.snapshot import header
from models.domain.policy import PolicySet
from models.domain.schemas import SPLITS
from models.evaluation.thresholds import MAJORITY, least_violations

Counts = NDArray[np.integer]

BATCH_ROWS = 4096  # read at once
FEW_POSTS = 1_000  # posts of the splits that thresholds come from: with fewer, the test split's join them


@dataclass(frozen=True)
class Tally:
    """judged, violations, posts: of each split by name, [P] counts of posts, and how many posts it has."""

    policies: tuple[str, ...]
    judged: dict[str, Counts]
    violations: dict[str, Counts]
    posts: dict[str, int]

    @classmethod
    def of(cls, uri: str, storage_options: dict[str, str] | None = None) -> Tally:
        """Of the snapshot at `uri`."""
        dataset = lance.dataset(uri, storage_options=storage_options or None)
        policies = tuple(header(dataset)["policies"])
        width = len(policies)
        judged, violations = ({split: np.zeros(width, int) for split in SPLITS} for _ in range(2))
        posts = dict.fromkeys(SPLITS, 0)
        for batch in dataset.to_batches(columns=["split", "labels"], batch_size=BATCH_ROWS):
            labels = np.array(batch["labels"].to_pylist(), float).reshape(-1, width)
            split = np.array(batch["split"].to_pylist(), str)
            for name in np.unique(split):
                there = labels[split == name]
                judged[name] += (~np.isnan(there)).sum(axis=0)
                violations[name] += (there >= MAJORITY).sum(axis=0)
                posts[name] += len(there)
        return cls(policies, judged, violations, posts)

    def violating(self, splits: Sequence[str] = SPLITS) -> dict[str, int]:
        """Posts that were judged to violate each policy, in these splits."""
        found = sum((self.violations[split] for split in splits), np.zeros(len(self.policies), int))
        return dict(zip(self.policies, found.tolist(), strict=True))

    @property
    def assessed(self) -> tuple[str, ...]:
        """The policies that anybody judged a post for."""
        judged = sum(self.judged.values(), np.zeros(len(self.policies), int))
        return tuple(policy for policy, count in zip(self.policies, judged, strict=True) if count)

    def proves_more(self, policy_set: PolicySet, splits: Sequence[str], than: Sequence[str]) -> bool:
        """Whether these splits hold violations enough to prove some action that others have too few for."""
        few, many = self.violating(than), self.violating(splits)
        bars = {
            max(objectives.minimum_judgements, least_violations(least))
            for objectives in policy_set.objectives.values()
            for least in objectives.precision.values()
        }
        return any(few[policy] < bar <= many[policy] for policy in self.policies for bar in bars)


def judged_splits(policy_set: PolicySet, tally: Tally, usual: Sequence[str]) -> tuple[str, ...]:
    """The splits that thresholds are derived from: the usual ones, and test too where those are small and it helps."""
    small = sum(tally.posts[split] for split in usual) < FEW_POSTS
    joined = (*usual, "test")
    return joined if small and tally.proves_more(policy_set, joined, usual) else tuple(usual)
