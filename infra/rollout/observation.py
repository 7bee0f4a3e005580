"""From the lake to evidence: decisions of one stage as they arrive, and what moderators said of disagreements."""

from __future__ import annotations

from dataclasses import dataclass, field

from infra.lake import Lake
from infra.rollout.disagreements import Disagreements
from infra.rollout.evidence import OTHER_MARKETS, SHADOW, Evidence
from infra.rollout.rollout import Rollout

RECENT = 50_000  # decisions among which the champion's record is looked for
COLUMNS = [
    "market",
    "model_version",
    "role",
    "live_action",
    "scores",
    "action",
    "reasons",
    "error",
    "latency_ms",
]


@dataclass
class Observation:
    """The evidence of one stage; each `read` takes what reached the lake since the one before."""

    lake: Lake
    rollout: Rollout
    policies: tuple[str, ...]
    markets: tuple[str, ...]
    evidence: Evidence = field(init=False)
    _next: int = 0

    def __post_init__(self) -> None:
        self._disagreements = Disagreements(self.lake, self.rollout)
        self.evidence = Evidence(self.policies, (*self.markets, OTHER_MARKETS), self.rollout.promises)
        if self.lake.decisions.exists():
            self._look_back()

    def read(self) -> Evidence:
        """Everything that the stage has shown by now."""
        if self.lake.decisions.exists():
            rollout = self.rollout
            of_stage = f"rollout = '{rollout.id}' AND stage = {rollout.stage}"
            found, self._next = self.lake.decisions.gained(self._next, COLUMNS, of_stage)
            if len(found):
                champion, challenger = str(rollout.champion), str(rollout.challenger)
                self.evidence.take(found, champion, challenger, rollout.current.share)
            self.evidence.right = self._disagreements.right()
        return self.evidence

    def _look_back(self) -> None:
        """What the champion did before the rollout."""
        table, champion = self.lake.decisions, self.rollout.champion
        before = f"model_version = '{champion}' AND role != '{SHADOW}' AND rollout IS NULL"
        first = max(0, table.open().count_rows() - RECENT)
        self.evidence.look_back(table.since(first, COLUMNS, before))


def posts_in_stage(lake: Lake, rollout: Rollout) -> int:
    """How many posts the challenger decided, or saw copies of, in the stage as it stands."""
    if not lake.decisions.exists():
        return 0
    traffic = "!=" if rollout.current.share else "="
    condition = (
        f"rollout = '{rollout.id}' AND stage = {rollout.stage} AND model_version = '{rollout.challenger}' "
        f"AND role {traffic} '{SHADOW}'"
    )
    return int(lake.decisions.open().count_rows(condition))
