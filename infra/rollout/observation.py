"""From the lake to evidence: decisions of one stage as they arrive, and what moderators said of disagreements."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field

import pyarrow.compute as pc

from infra.lake import Lake
from infra.rollout.disagreements import Disagreements
from infra.rollout.evidence import OTHER_MARKETS, SHADOW, Evidence
from infra.rollout.rollout import Rollout
from infra.rollout.stages import plan_named

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
    """The evidence of one stage, behind that of the stages before; each `read` takes what reached the lake since.

    before: the observation of the stage before by the same process. Without one the earlier stages are read again, as
    they are after a process was killed, or where an earlier release began the rollout: all that counts is in the lake.
    """

    lake: Lake
    rollout: Rollout
    policies: tuple[str, ...]
    markets: tuple[str, ...]
    before: InitVar[Observation | None] = None
    evidence: Evidence = field(init=False)
    _next: int = 0

    def __post_init__(self, before: Observation | None) -> None:
        self._disagreements = Disagreements(self.lake, self.rollout)
        if before is not None and before.rollout.id == self.rollout.id:
            before.read()  # what was shipped after its last look
            self.evidence, last = before.evidence, before.rollout.stage
        else:
            self.evidence, last = self._begun(), 0
            self._take(0)
        for stage in range(last + 1, self.rollout.stage + 1):
            self.evidence = self.evidence.followed(self._balance(stage))
            self._take(stage)

    def read(self) -> Evidence:
        """Everything that the stage has shown by now."""
        self._take(self.rollout.stage)
        if self.lake.decisions.exists():
            self.evidence.right = self._disagreements.right()
        return self.evidence

    def _take(self, stage: int) -> None:
        """Add the decisions of a stage that are new."""
        if not self.lake.decisions.exists():
            return
        rollout, since = self.rollout, self._next if stage == self.rollout.stage else 0
        of_stage = f"rollout = '{rollout.id}' AND stage = {stage}"
        found, following = self.lake.decisions.gained(since, COLUMNS, of_stage)
        if stage == rollout.stage:
            self._next = following
        if len(found):
            share = plan_named(rollout.plan).stages[stage].share
            self.evidence.take(found, str(rollout.champion), str(rollout.challenger), share)

    def _balance(self, stage: int) -> float:
        return plan_named(self.rollout.plan).stages[stage].balance

    def _begun(self) -> Evidence:
        """Before the first post of the rollout, with what the champion did until then.

        The same whenever it is asked: what is expected of a stage may not depend on what it shows.
        """
        begun = Evidence(
            self.policies, (*self.markets, OTHER_MARKETS), self.rollout.promises, balance=self._balance(0)
        )
        table = self.lake.decisions
        if table.exists():
            of_rollout = pc.min(table.since(0, ["stage"], f"rollout = '{self.rollout.id}'")["_rowid"]).as_py()
            until = table.open().count_rows() if of_rollout is None else of_rollout
            before = f"_rowid < {until} AND model_version = '{self.rollout.champion}' AND role != '{SHADOW}'"
            begun.look_back(table.since(max(0, until - RECENT), COLUMNS, f"{before} AND rollout IS NULL"))
        return begun


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
