"""What moderators said of posts about which the two models of a rollout disagree."""

from __future__ import annotations

from dataclasses import dataclass, field

import lance
import pyarrow as pa

from infra.lake import Lake, among, standing
from infra.rollout.evidence import SHADOW, Tally
from infra.rollout.rollout import Rollout
from models.domain.content import PEOPLE
from models.evaluation.thresholds import MAJORITY

MOST_PAIRS = 10_000  # disagreements that are looked up among the judgements
COLUMNS = ["post_id", "model_version", "reasons", "live_policies"]


@dataclass
class Disagreements:
    """Of one rollout, in all its stages; each look reads the pairs that are new, and judgements where any are."""

    lake: Lake
    rollout: Rollout
    _next: int = 0
    _pairs: int = 0
    _disputed: dict[tuple[str, str], bool] = field(
        default_factory=dict
    )  # whether the challenger asked for an action
    _seen: tuple[int, int] = (0, 0)  # disputes, and the version of the judgements, that were counted last
    _right: Tally = field(default_factory=Tally)

    def right(self) -> Tally:
        """Of the pairs in which one model asked for an action by a policy and the other did not, and a person judged.

        One observation for each post and policy: whether the challenger was with the majority of the judges.
        """
        self._read()
        judgements = self.lake.judgements.opened() if self._disputed else None
        if judgements is not None and self._seen != (len(self._disputed), judgements.version):
            self._right = self._judged(judgements)
            self._seen = (len(self._disputed), judgements.version)
        return self._right

    def _read(self) -> None:
        """Take the pairs that reached the lake since the last look."""
        if self._pairs >= MOST_PAIRS or not self.lake.decisions.exists():
            return
        wanted = f"rollout = '{self.rollout.id}' AND role = '{SHADOW}' AND action != live_action"
        found, self._next = self.lake.decisions.gained(self._next, COLUMNS, wanted)
        new = found.slice(0, MOST_PAIRS - self._pairs)
        self._pairs += len(new)
        for row in new.to_pylist():
            copy, live = {reason["policy"] for reason in row["reasons"]}, set(row["live_policies"] or ())
            ours = copy if row["model_version"] == str(self.rollout.challenger) else live
            self._disputed.update({(row["post_id"], policy): policy in ours for policy in copy ^ live})

    def _judged(self, judgements: lance.LanceDataset) -> Tally:
        right = Tally()
        posts = {post for post, _ in self._disputed}
        votes = judgements.to_table(
            columns=["post_id", "policy", "violates"],
            filter=standing(judgements, f"{among('source', PEOPLE)} AND {among('post_id', posts)}"),
        )
        votes = votes.set_column(2, "violates", votes["violates"].cast(pa.int8()))
        for row in votes.group_by(["post_id", "policy"]).aggregate([("violates", "mean")]).to_pylist():
            dispute = row["post_id"], row["policy"]
            if dispute in self._disputed:
                right.add(self._disputed[dispute] == (row["violates_mean"] >= MAJORITY), 1)
        return right
