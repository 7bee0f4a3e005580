"""The watch on a simulated platform with a real champion: drift is found once, and calm weeks stay calm."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from flows.form import RollOut, Training
from flows.retrain import retrain
from flows.watch import watch
from infra.lake import open_lake
from infra.registry import Registry
from infra.settings import Settings
from infra.simulator import simulate
from models.bundle.bundle import Bundle
from models.domain.schemas import DECISIONS
from tasks.release.watch import alarm, look

pytestmark = [pytest.mark.slow, pytest.mark.minutes, pytest.mark.usefixtures("prefect_server")]

WEEKS, POSTS = 6, 12_000
CALM, CALM_POSTS = 24, 1000  # windows, and the posts of one: half a week
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def champion(settings):
    """A champion of a platform on which nothing moves."""
    simulate(open_lake(settings), posts=POSTS, weeks=WEEKS, seed=3, drift=0.0, wave=0.0)
    quick = Training(preset="trial")
    assert retrain(training=quick, rollout=RollOut(canary=False)).promoted
    return Registry(settings).champion()


@pytest.fixture
def bundle(settings, champion):
    return Bundle.load(Registry(settings).fetch(champion))


def decide(settings, champion, bundle, window, size, now):
    """What the champion decides of the posts of half a week, as a gateway would write it."""
    week, half = week_of(window), window % 2
    lake = open_lake(settings)
    posts = lake.posts.open().to_table(
        columns=["post_id", "market", "text", "image"], filter=f"starts_with(post_id, 'sim3-w{week:02d}-')"
    )
    rows = posts.sort_by("post_id").slice(half * size, size).to_pylist()
    scores = bundle.score([row["text"] for row in rows], [row["image"] for row in rows])
    actions, reasons = bundle.decide(scores, [row["market"] for row in rows])
    written = [
        {
            "decision_id": f"{window}-{i}",
            "post_id": row["post_id"],
            "market": row["market"],
            "model_version": str(champion.version),
            "role": "champion",
            "scores": [
                {"policy": policy, "score": float(score)}
                for policy, score in zip(bundle.policies, scores[i], strict=True)
            ],
            "action": str(actions[i]),
            "reasons": [reason.model_dump(mode="json") for reason in reasons[i]],
            "latency_ms": 1.0,
            "decided_at": now,
        }
        for i, row in enumerate(rows)
    ]
    lake.decisions.append(pa.Table.from_pylist(written, DECISIONS).to_batches())
    return len(rows)


def week_of(window):
    return WEEKS + 1 + window // 2


def a_look(settings, champion, bundle, window, *, size=CALM_POSTS, cool_down=24.0, **simulated):
    now = START + timedelta(days=window)
    if window % 2 == 0:  # the posts of both halves
        simulate(
            open_lake(settings), posts=2 * size, weeks=1, seed=3, start_week=week_of(window), **simulated
        )
    assert decide(settings, champion, bundle, window, size, now) == size
    looked = look.fn(settings, 1.0, now + timedelta(minutes=1))
    return looked, alarm.fn(settings, looked, cool_down)


def test_calm_windows_start_no_retraining_and_new_slang_starts_one(settings, champion, bundle):
    for window in range(CALM):
        looked, raised = a_look(settings, champion, bundle, window, drift=0.0, wave=0.0)
        assert looked.posts == CALM_POSTS
        assert not raised, looked.told
    slang = {"drift": 0.9, "wave": 0.9, "size": 3000}
    looked, raised = a_look(settings, champion, bundle, CALM, **slang)
    assert raised, looked.told
    assert "violation_scores" in {finding.signal for finding in looked.beyond}
    looked, raised = a_look(settings, champion, bundle, CALM + 1, cool_down=48.0, **slang)
    assert looked.beyond
    assert not raised  # the cool-down is not over
    assert a_look(settings, champion, bundle, CALM + 2, cool_down=24.0, **slang)[1]


def test_without_a_champion_there_is_nothing_to_watch(settings):
    assert watch().told == "nobody decides yet"
    assert not open_lake(Settings()).findings.exists()
