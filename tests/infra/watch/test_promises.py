"""The precision that actions promised, held against what moderators judged of live ones."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from lake_rows import START, judgement

from infra.watch import kept_promises
from models.domain.content import Action
from models.domain.schemas import DECISIONS, JUDGEMENTS
from models.evaluation.operating_points import OperatingPoint, OperatingPoints

POINTS = OperatingPoints(
    policies=("hate_speech",),
    points=(
        OperatingPoint(
            market="default", policy="hate_speech", action=Action.REMOVE, threshold=0.9, objective=0.9
        ),
        OperatingPoint(
            market="default", policy="hate_speech", action=Action.REVIEW, threshold=0.5, objective=0.05
        ),
    ),
)


def decision(number, action=Action.REMOVE, version="1", role="champion"):
    reason = {
        "policy": "hate_speech",
        "score": 0.95,
        "threshold": 0.9,
        "action": str(action),
        "market": "default",
    }
    return {
        "decision_id": f"{version}-{role}-{number}", "post_id": f"post-{number}", "market": "DE",
        "model_version": version, "role": role, "scores": [{"policy": "hate_speech", "score": 0.95}],
        "action": str(action), "reasons": [reason], "latency_ms": 1.0, "decided_at": START + timedelta(minutes=number),
    }  # fmt: skip


def live(lake, right, posts=400, source="moderator", **decided):
    """So many actions, a share of which moderators find right; what it comes to."""
    luck = np.random.default_rng(0).random(posts)
    lake.decisions.append(
        pa.Table.from_pylist([decision(n, **decided) for n in range(posts)], DECISIONS).to_batches()
    )
    judged = [judgement(f"post-{n}", violates=bool(luck[n] < right), source=source) for n in range(posts)]
    lake.judgements.append([pa.RecordBatch.from_pylist(judged, schema=JUDGEMENTS)])
    (found,) = kept_promises(lake, POINTS, 1, START)
    return found


def test_a_promise_that_is_no_longer_kept_is_told_with_both_precisions(lake):
    found = live(lake, right=0.7)
    assert found.verdict == "beyond"
    assert found.retrains
    assert found.high < 0.9
    assert found.told.startswith("promise, hate_speech, remove, other markets: 0.64")
    assert found.told.endswith("against 0.9")


def test_what_was_judged_before_the_version_was_made_does_not_count(lake):
    before = [
        judgement(f"post-{n}", violates=False) | {"ingested_at": START - timedelta(days=1)}
        for n in range(400)
    ]
    lake.judgements.append([pa.RecordBatch.from_pylist(before, schema=JUDGEMENTS)])
    lake.decisions.append(pa.Table.from_pylist([decision(n) for n in range(400)], DECISIONS).to_batches())
    assert [found.verdict for found in kept_promises(lake, POINTS, 1, START)] == ["unknown"]


def test_what_is_judged_counts_however_much_was_decided_since(lake, monkeypatch):
    monkeypatch.setattr("infra.watch.promises.KEYS_AT_ONCE", 150)
    later = [decision(n) for n in range(400, 3000)]
    lake.decisions.append(
        pa.Table.from_pylist([decision(n) for n in range(10)] + later, DECISIONS).to_batches()
    )
    assert live(lake, right=0.7).verdict == "beyond"


def test_one_that_is_kept_stays_within_however_often_it_is_read():
    from infra.rollout.confidence_sequence import interval

    broken = 0
    for seed in range(200):
        right = np.random.default_rng(seed).random(1000) < 0.9
        _, high = interval(np.cumsum(right), np.arange(1, 1001), 0.01)
        broken += bool((high < 0.9).any())
    assert broken <= 6  # 1 % of versions at most, whenever one looks


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"posts": 20}, "unknown"),
        ({"source": "appeal"}, "unknown"),  # of what was acted on, people appeal what was wrong
        ({"role": "shadow"}, "unknown"),
        ({"version": "2"}, "unknown"),
        ({"action": Action.REVIEW}, "unknown"),
    ],
)
def test_what_says_nothing_of_the_promise_does_not_count(lake, changes, verdict):
    assert live(lake, right=0.1, **changes).verdict == verdict


def test_without_decisions_or_automatic_actions_there_is_nothing_to_find(lake):
    assert kept_promises(lake, POINTS, 1, START) == []
