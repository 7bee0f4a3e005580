"""What a stage has shown so far: counts and sums that only grow, taken from decisions a batch at a time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.rollout.estimate import Mean
from infra.rollout.expected_effects import ExpectedEffects
from infra.rollout.latency import BUCKETS, Counts, bucketed
from infra.rollout.onset import Harmed
from models.domain.content import Action
from models.domain.policy import DEFAULT_MARKET, market_name

SHADOW = "shadow"
OTHER_MARKETS = market_name(DEFAULT_MARKET)


@dataclass
class Tally:
    """Observations in [0, 1]: their sum and their count."""

    total: float = 0.0
    count: int = 0

    def add(self, total: float, count: int) -> None:
        self.total, self.count = self.total + float(total), self.count + int(count)

    def after(self, history: Tally) -> Mean:
        """The mean, where one like that of `history` is expected: it is found sooner, whatever it is."""
        return Mean(self.total, self.count, (history.total, history.count))


def _tallies() -> defaultdict[str, Tally]:
    return defaultdict(Tally)


@dataclass
class Arm:
    """What the decisions of one model add up to."""

    requests: Tally = field(default_factory=Tally)  # whether they failed
    latencies: Counts = field(default_factory=lambda: np.zeros(BUCKETS, np.int64))
    policies: defaultdict[str, Tally] = field(
        default_factory=_tallies
    )  # whether the policy asked for an action
    markets: defaultdict[str, Tally] = field(default_factory=_tallies)  # whether any action was taken
    scores: defaultdict[str, Tally] = field(default_factory=_tallies)  # of each policy

    def take(self, decisions: pa.Table) -> None:
        """Add decisions, rows of models.domain.schemas.DECISIONS."""
        answered = decisions.filter(pc.is_null(decisions["error"]))
        self.requests.add(len(decisions) - len(answered), len(decisions))
        self.latencies += bucketed(answered["latency_ms"].to_numpy())
        self._take_markets(answered)
        self._take_policies(answered)

    def _take_markets(self, answered: pa.Table) -> None:
        acted = pc.cast(pc.not_equal(answered["action"], Action.ALLOW), pa.int64())
        grouped = pa.table({"market": answered["market"], "acted": acted}).group_by("market")
        for row in grouped.aggregate([("acted", "sum"), ("acted", "count")]).to_pylist():
            self.markets[row["market"]].add(row["acted_sum"], row["acted_count"])

    def _take_policies(self, answered: pa.Table) -> None:
        scores = _rows(answered["scores"]).group_by("policy")
        for row in scores.aggregate([("score", "sum"), ("score", "count")]).to_pylist():
            self.scores[row["policy"]].add(row["score_sum"], row["score_count"])
            self.policies[row["policy"]].add(0, row["score_count"])
        reasons = _rows(answered["reasons"]).group_by("policy")
        for row in reasons.aggregate([("policy", "count")]).to_pylist():
            self.policies[row["policy"]].add(row["policy_count"], 0)


def _rows(lists: pa.ChunkedArray) -> pa.Table:
    """The structs in a column of lists, one a row."""
    return pa.Table.from_struct_array(pc.list_flatten(lists.combine_chunks()))


@dataclass
class Evidence:
    """Both arms of one stage, and the posts that both models saw.

    `policies` and `markets` are fixed before the first post: how often the judge may err is shared out among them.
    Posts of any other market count for OTHER_MARKETS.
    """

    policies: tuple[str, ...]
    markets: tuple[str, ...]
    promises: ExpectedEffects = field(default_factory=ExpectedEffects)
    history: Arm = field(default_factory=Arm)  # of the champion, before the rollout
    champion: Arm = field(default_factory=Arm)
    challenger: Arm = field(default_factory=Arm)
    flips: Tally = field(default_factory=Tally)  # pairs: whether the two would act otherwise
    right: Tally = field(default_factory=Tally)  # judged disagreements: whether the challenger was right
    balance: float = 0.5  # the part of both models' posts that is to be the challenger's in this stage
    earlier: tuple[Evidence, ...] = ()  # of the stages that are over, the first one first
    harmed: dict[str, Harmed] = field(
        default_factory=dict
    )  # by guardrail, what the stages up to this one have shown; once it is over

    def followed(self, balance: float = 0.5) -> Evidence:
        """That of the stage after this one, before its first post."""
        begun = Evidence(self.policies, self.markets, self.promises, self.history, balance=balance)
        begun.earlier = (*self.earlier, self)
        self.right = (
            Tally()
        )  # who was right is counted over the whole rollout, and so belongs to its last stage
        return begun

    def take(self, decisions: pa.Table, champion: str, challenger: str, share: float) -> None:
        """Add decisions, rows of models.domain.schemas.DECISIONS made while the challenger had `share` of the traffic.

        A model that has no traffic of its own is judged by the copies that it saw.
        """
        decisions = self._with_known_markets(decisions)
        copies = pc.equal(decisions["role"], SHADOW)
        for arm, version, traffic in (
            (self.champion, champion, share < 1),
            (self.challenger, challenger, share > 0),
        ):
            wanted = pc.invert(copies) if traffic else copies
            arm.take(decisions.filter(pc.and_(pc.equal(decisions["model_version"], version), wanted)))
        pairs = decisions.filter(pc.and_(copies, pc.is_valid(decisions["action"])))
        flipped = pc.sum(pc.not_equal(pairs["action"], pairs["live_action"]).cast(pa.int64())).as_py()
        self.flips.add(flipped or 0, len(pairs) - pairs["live_action"].null_count)

    def look_back(self, decisions: pa.Table) -> None:
        """Add decisions of the champion from before the rollout."""
        self.history.take(self._with_known_markets(decisions))

    def _with_known_markets(self, decisions: pa.Table) -> pa.Table:
        known = pc.is_in(decisions["market"], pa.array(self.markets, pa.string()))
        markets = pc.if_else(known, decisions["market"], OTHER_MARKETS)
        return decisions.set_column(decisions.schema.get_field_index("market"), "market", markets)
