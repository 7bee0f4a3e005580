"""Versions without a model, and decisions as a gateway would record them, on posts that nobody wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count

import numpy as np
import pyarrow as pa
from tiny_model import open_store

from infra.registry.registry import DIGEST
from infra.rollout import Rollout, Store, is_shadowed, meets_challenger
from infra.settings import Settings
from models.bundle.manifest import verify
from models.domain.schemas import DECISIONS

POLICIES = ("fraud_and_spam", "profanity")
MARKETS = ("DE", "US")
NUMBERS = count()


@dataclass(frozen=True)
class Behaviour:
    """How a model does in traffic; latency: median in milliseconds."""

    errors: float = 0.0
    acts_on: float = 0.1
    latency: float = 8.0

    def but(self, **changes: float) -> Behaviour:
        return replace(self, **changes)


def two_versions(settings: Settings) -> Store:
    """Version 1 is champion, version 2 challenger; their bundles hold nothing but a manifest."""
    open_store(settings)
    store = Store(settings)
    store.registry.client.create_registered_model(store.registry.name)
    for _ in range(2):
        another_version(store)
    store.registry.promote(1)
    store.registry.client.set_registered_model_alias(store.registry.name, "challenger", "2")
    return store


def another_version(store: Store, **tags: str) -> int:
    """The number of a new version, whose bundle holds nothing but a manifest of its own."""
    folder = store.settings.home / "made-up" / str(next(NUMBERS))
    bundle = folder / "artifacts" / "bundle"
    bundle.mkdir(parents=True)
    (bundle / "manifest.json").write_text(json.dumps({"format": 1, "files": {}, "made": folder.name}))
    made = store.registry.client.create_model_version(
        store.registry.name, folder.absolute().as_uri(), tags={DIGEST: verify(bundle), **tags}
    )
    return int(made.version)


def traffic(
    rollout: Rollout, posts: int, rng: np.random.Generator, *, champion: Behaviour, challenger: Behaviour
) -> pa.Table:
    """What a gateway that obeys the rollout writes down of so many posts."""
    rows = []
    for number in (next(NUMBERS) for _ in range(posts)):
        post = f"post-{number}"
        drawn = meets_challenger(post, rollout.id, rollout.share)
        models = {str(rollout.champion): champion, str(rollout.challenger): challenger}
        live, other = list(models.items())[:: -1 if drawn else 1]
        decided = _row(rollout, post, *live, "challenger" if drawn else "champion", rng)
        rows.append(decided)
        if is_shadowed(post, rollout.id, rollout.shadow):
            pair = {"shadow_of": decided["decision_id"], "live_action": decided["action"]}
            asked = [reason["policy"] for reason in decided["reasons"]]
            rows.append(_row(rollout, post, *other, "shadow", rng) | pair | {"live_policies": asked})
    return pa.Table.from_pylist(rows, schema=DECISIONS)


def _row(
    rollout: Rollout, post: str, version: str, behaviour: Behaviour, role: str, rng: np.random.Generator
) -> dict[str, object]:
    failed, acted = rng.random() < behaviour.errors, rng.random() < behaviour.acts_on
    policy = POLICIES[rng.integers(len(POLICIES))]
    reason = {"policy": policy, "score": 0.9, "threshold": 0.8, "action": "remove", "market": "DE"}
    return {
        "decision_id": f"{post}-{role}",
        "post_id": post,
        "market": MARKETS[rng.integers(len(MARKETS))],
        "model_version": version,
        "role": role,
        "rollout": rollout.id,
        "stage": rollout.stage,
        "scores": [] if failed else [{"policy": policy, "score": rng.beta(1, 9)} for policy in POLICIES],
        "action": None if failed else "remove" if acted else "allow",
        "reasons": [reason] if acted and not failed else [],
        "error": "the model failed" if failed else None,
        "latency_ms": rng.lognormal(np.log(behaviour.latency), 0.3),
        "decided_at": datetime.now(UTC),
    }
