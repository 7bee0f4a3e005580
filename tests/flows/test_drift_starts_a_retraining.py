"""On a platform whose words have moved, the watch starts a retraining that passes its canary and brings recall back."""

from itertools import islice

import numpy as np
import pytest
from running_platform import QUICK, up, wait_for
from sklearn.metrics import precision_recall_curve

from infra.gateway import KeyStore, Scope
from infra.lake import open_lake
from infra.load_generator import Stream, posts_of
from infra.registry import Registry
from infra.rollout import Store
from infra.settings import Settings
from infra.simulator import DRIFTING, read_truth, simulate
from tasks.release.compare import scored_by

pytestmark = [pytest.mark.slow, pytest.mark.minutes, pytest.mark.timeout(1200)]

SEED, WEEKLY, RATE = 3, 2000, 100.0  # posts a second
FIRST = {"weeks": 4, "posts": 4 * WEEKLY}
THEN = {"weeks": 2, "posts": 7 * WEEKLY, "start_week": 5, "drift": 0.9, "wave": 0.9}
SEEN = 4500  # decisions of the new weeks before the watch looks, so that it can tell of each policy
PRECISION = 0.8
LEARNS = QUICK.replace("minimum_steps=100", "minimum_steps=400")  # who finds little has little to lose
BACK = 0.1  # of what was lost, at least; the new words are few yet


def traffic(platform, key, posts, begins):
    """Posts that are sent from when `begins` says so until the block is left."""
    return Stream(platform.gateway, key, posts, rate=RATE, seconds=900, begins=begins, tired=lambda: None)


def retrainings(platform):
    chosen = {"deployments": {"name": {"any_": ["retrain"]}}}
    return {
        run["id"] for run in platform.api("POST", "/flow_runs/filter", **chosen) if not run["auto_scheduled"]
    }


def recall(registry, version, uri):
    """Mean over the policies whose words moved, against the truth, of what is found with PRECISION."""
    scored = scored_by(registry, version, uri)
    truth = read_truth(open_lake(registry.settings), scored.post_id.tolist(), scored.policies).violates
    found = []
    for policy, violates, scores in zip(scored.policies, truth.T, scored.logits.T, strict=True):
        if policy in DRIFTING and violates.any():
            precision, recalled, _ = precision_recall_curve(violates, scores)
            found.append(recalled[precision >= PRECISION].max())
    return np.mean(found)


def test_drift_starts_a_retraining_whose_champion_finds_what_the_one_before_missed(tmp_path):
    home = tmp_path / "home"
    lake = open_lake(Settings(home=home, _env_file=None))
    simulate(lake, seed=SEED, **FIRST)
    with up(home, MODERATO_PLAN="brief", MODERATO_PRESET=LEARNS) as platform:
        platform.only_by_hand("watch/watch", "retrain/retrain")
        first = platform.start(rollout={"canary": False})
        assert platform.ended(first)["message"] == "Promoted"
        simulate(lake, seed=SEED, **THEN)
        key, _ = KeyStore.of(lake).create([Scope.DECIDE])
        posts = islice(posts_of("lake", lake, SEED, 1), FIRST["posts"], None)
        with traffic(platform, key, islice(posts, SEEN + 1500), lambda: True):
            wait_for(lambda: lake.decisions.exists() and lake.decisions.open().count_rows() > SEEN, 300)
        store = Store(platform.settings)
        with traffic(platform, key, posts, lambda: store.running() is not None):
            watched = platform.ended(platform.start(deployment="watch/watch"))
            assert watched["message"].startswith("Drift, a retraining is due"), watched
            wait_for(lambda: len(retrainings(platform)) == 2, 60)
            (second,) = retrainings(platform) - {first}
            assert platform.ended(second, 500)["message"].startswith("Promoted")
            again = platform.ended(platform.start(deployment="watch/watch"))
            assert "a retraining is due" not in again["message"]  # the cool-down
            assert len(retrainings(platform)) == 2
        registry = Registry(platform.settings)
        before, now = sorted(registry.versions(), key=lambda version: version.version)
        assert registry.champion().version == now.version
        settled, shifted = (lake.snapshot(it.snapshot) for it in (before, now))
        was, fell, rose = (
            recall(registry, version, uri)
            for version, uri in ((before, settled), (before, shifted), (now, shifted))
        )
        assert fell < was
        assert rose > fell + BACK * (was - fell)
