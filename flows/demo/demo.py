"""A year of a platform in a few minutes: new slang, and three retrainings that meet live traffic.

The first has learned the slang and climbs to champion. The second learned from judgements that were turned round,
which the offline gates cannot see, for the test posts were judged the same way. The third is as good as the champion
and far slower. The canary has to tell.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import starmap
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.metrics import average_precision_score, precision_recall_curve

from flows.form import RollOut, Training
from flows.retrain import Outcome, retrain
from infra.gateway import KeyStore, Scope
from infra.lake import Lake, open_lake
from infra.load_generator import Replayed, Stream, posts_of, started
from infra.rollout import Store, act
from infra.settings import Settings
from infra.simulator import DRIFTING, read_truth, simulate
from models.bundle.bundle import Bundle
from models.evaluation.predictions import score_splits

FIRST_WEEKS = 4
WEEKS_OF_NEW_SLANG = 2
LAST_WEEK = FIRST_WEEKS + WEEKS_OF_NEW_SLANG
PRECISION = 0.8
PLAN, RATE = "brief", 150.0  # posts a second
CANARY_SECONDS = 180.0  # seconds of one canary, after which the demo gives up on it
SLOW = "compact,text_encoder=flows.demo.wasteful"
WHERE = ("rollout", "stage", "model_version", "role")  # what the decisions are counted by, with the action


@dataclass(frozen=True)
class Measured:
    """A champion on the test posts of a snapshot, against the simulator's truth; one value a policy, NaN for none."""

    version: int | None
    weeks: str
    recall: dict[str, float]  # at PRECISION
    average_precision: dict[str, float]

    def means(self, policies: Iterable[str]) -> tuple[float, float]:
        """Mean recall and mean average precision over some policies."""
        chosen = list(policies)
        recall, precision = (
            [values[policy] for policy in chosen] for values in (self.recall, self.average_precision)
        )
        return float(np.nanmean(recall)), float(np.nanmean(precision))


@dataclass(frozen=True)
class Tried:
    """A retraining that met traffic; without a version where its gates let it go no further."""

    name: str
    outcome: Outcome
    version: int | None
    rollout: str
    stage: str  # that it reached
    promoted: bool
    reason: str
    traffic: Replayed


@dataclass(frozen=True)
class Counted:
    """Posts of the decisions table with the same rollout, stage, version, role and action."""

    rollout: str | None
    stage: int | None
    version: str
    role: str
    action: str
    posts: int


@dataclass(frozen=True)
class Story:
    """What happened, the champions before and after the drift, and what the decisions table says of every request."""

    first: Outcome
    tried: tuple[Tried, ...]
    settled: Measured
    drifted: Measured
    retrained: Measured
    counted: tuple[Counted, ...]
    example: dict[str, Any]  # a decision that acted on a post, as the table has it

    @property
    def told(self) -> tuple[Measured, Measured, Measured]:
        return self.settled, self.drifted, self.retrained

    @property
    def steady(self) -> list[str]:
        """Policies whose words do not drift."""
        return [policy for policy in self.settled.recall if policy not in DRIFTING]

    @property
    def answered(self) -> int:
        return sum(len(one.traffic.decisions) for one in self.tried)

    @property
    def sent(self) -> int:
        return sum(one.traffic.sent for one in self.tried)

    @property
    def recorded(self) -> int:
        """Decisions that were given out; shadows are told apart."""
        return sum(row.posts for row in self.counted if row.role != "shadow")

    @property
    def won_back(self) -> bool:
        """Where words drifted, recall fell, and the retrained champion has more of it than the one before."""
        before, after, again = (measured.means(DRIFTING)[0] for measured in self.told)
        return after < before and after < again

    @property
    def as_told(self) -> bool:
        """One promotion, two roll-backs, and a decision for every request."""
        verdicts = [one.promoted for one in self.tried]
        canaried = all(one.version for one in self.tried)
        return canaried and verdicts == [True, False, False] and self.recorded == self.answered == self.sent


def demo(settings: Settings, *, posts: int, seed: int, say: Callable[[str], None]) -> Story:
    """Simulate, retrain, let the platform drift, retrain three times; `posts` is how many each week brings."""
    lake = open_lake(settings)
    say(f"weeks 1 to {FIRST_WEEKS} of a made-up platform")
    simulate(lake, posts=posts * FIRST_WEEKS, weeks=FIRST_WEEKS, seed=seed)
    say("retrain: the first champion")
    first = retrain(training=Training(seed=seed), rollout=RollOut(canary=False))
    weeks = f"{FIRST_WEEKS + 1} to {LAST_WEEK}"
    say(f"weeks {weeks}: evaders find new words")
    simulate(
        lake,
        posts=posts * WEEKS_OF_NEW_SLANG,
        weeks=WEEKS_OF_NEW_SLANG,
        seed=seed,
        start_week=FIRST_WEEKS + 1,
    )
    with _platform(settings, seed) as platform:
        say(f"retrain: a challenger that has seen them meets {RATE:g} posts a second")
        good = platform.tried("good", Training(seed=seed))
        say("retrain: on judgements that were turned round")
        with _turned_round(lake):
            sabotaged = platform.tried("sabotaged", Training(seed=seed, preset="trial"))
        say("retrain: a model that is as good, and slow")
        slow = platform.tried("slow", Training(seed=seed, preset=SLOW))
    say("both champions against the truth")
    counted, example = _recorded(lake)
    return Story(
        first=first,
        tried=(good, sabotaged, slow),
        settled=_measure(settings, first, first, f"1 to {FIRST_WEEKS}"),
        drifted=_measure(settings, first, good.outcome, weeks),
        retrained=_measure(settings, good.outcome, good.outcome, weeks),
        counted=counted,
        example=example,
    )


class _Platform:
    """A gateway that decides, and people who post."""

    def __init__(self, settings: Settings, url: str, seed: int) -> None:
        self.settings, self.url = settings, url
        lake = open_lake(settings)
        self.key, _ = KeyStore.of(lake).create([Scope.DECIDE, Scope.READ], "moderato demo")
        self.posts = posts_of("simulator", lake, seed, LAST_WEEK)

    def tried(self, name: str, training: Training) -> Tried:
        """Retrain, with traffic from when its rollout begins to its end."""
        store = Store(self.settings)  # the traffic's own
        traffic = Stream(
            self.url,
            self.key,
            self.posts,
            rate=RATE,
            seconds=CANARY_SECONDS,
            begins=lambda: store.running() is not None,
            tired=lambda: act(
                store, "abort", f"no verdict within {CANARY_SECONDS:.0f} s, and nobody watches a demo"
            ),
        )
        with traffic:
            outcome = retrain(training=training, rollout=RollOut(plan=PLAN, replace=True))
        release = outcome.release
        rollout = Store(self.settings).load(release.version) if release else None
        return Tried(
            name=name,
            outcome=outcome,
            version=release.version if release else None,
            rollout=rollout.id if rollout else "",
            stage=rollout.current.name if rollout else "",
            promoted=outcome.promoted,
            reason=release.reason if release else _failed_gates(outcome),
            traffic=traffic.found,
        )


@contextmanager
def _platform(settings: Settings, seed: int) -> Iterator[_Platform]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "flows.cli", "serve", "--port", str(port)]
    with started(command, f"{url}/readyz", settings.home / "gateway.log"):
        yield _Platform(settings, url, seed)


@contextmanager
def _turned_round(lake: Lake) -> Iterator[None]:
    """Every judgement says the opposite, as after a sign error in an import; put right again afterwards."""
    table = lake.judgements
    right = table.open().to_table(columns=table.schema.names)
    place = right.schema.get_field_index("violates")
    wrong = right.set_column(place, table.schema.field("violates"), pc.invert(right["violates"]))
    table.upsert(_now(wrong).to_batches())
    try:
        yield
    finally:
        table.upsert(_now(right).to_batches())


def _now(judgements: pa.Table) -> pa.Table:
    place = judgements.schema.get_field_index("ingested_at")
    field = judgements.schema.field("ingested_at")
    return judgements.set_column(place, field, pa.array([datetime.now(UTC)] * len(judgements), field.type))


def _failed_gates(outcome: Outcome) -> str:
    return "its gates: " + ", ".join(
        sorted({gate.gate for gate in outcome.evaluation.gates if not gate.passed})
    )


def _recorded(lake: Lake) -> tuple[tuple[Counted, ...], dict[str, Any]]:
    """The decisions table, counted, and one decision that acted on a post."""
    decisions = lake.decisions.open()
    table = decisions.to_table(columns=[*WHERE, "action", "decision_id"])
    counts = table.group_by([*WHERE, "action"]).aggregate([("decision_id", "count")])
    counted = tuple(
        Counted(
            rollout=row["rollout"],
            stage=row["stage"],
            version=row["model_version"],
            role=row["role"],
            action=row["action"] or "error",
            posts=row["decision_id_count"],
        )
        for row in counts.to_pylist()
    )
    acted = decisions.to_table(filter="role <> 'shadow' and action <> 'allow'", limit=1).to_pylist()
    return counted, acted[0] if acted else {}


def _measure(settings: Settings, model: Outcome, held_out: Outcome, weeks: str) -> Measured:
    """The model of one retraining on the test posts of another."""
    uri = held_out.snapshot.uri
    bundle = Bundle.load(model.evaluation.bundle, threads=settings.threads)
    scored = score_splits(bundle.scorer, uri, ["test"], settings.options_for(uri))
    truth = read_truth(open_lake(settings), scored.post_id.tolist(), scored.policies).violates
    columns = list(zip(truth.T, scored.logits.T, strict=True))
    return Measured(
        version=model.release.version if model.release else None,
        weeks=weeks,
        recall=dict(zip(scored.policies, starmap(_recall, columns), strict=True)),
        average_precision=dict(zip(scored.policies, starmap(_average_precision, columns), strict=True)),
    )


def _recall(truth: np.ndarray, scores: np.ndarray) -> float:
    """The most violations that can be found while PRECISION of what is found are violations."""
    precision, recall, _ = precision_recall_curve(truth, scores)
    return float(recall[precision >= PRECISION].max()) if truth.any() else float("nan")


def _average_precision(truth: np.ndarray, scores: np.ndarray) -> float:
    return float(average_precision_score(truth, scores)) if truth.any() else float("nan")
