"""A simulated platform beside `moderato up --demo`: weeks of posts and judgements, and the requests that they cause.

`python -m flows.demo.simulated URL` goes on until it is stopped; a week of the platform passes every few minutes.
It starts the first champion's training as a person would, and then a second one, whose canary this traffic brings to
its end.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from infra.environment import adopt
from infra.gateway import KeyStore, Scope
from infra.lake import Lake, open_lake
from infra.load_generator import posts_of, replay
from infra.platform import answers
from infra.rollout import Store
from infra.settings import Settings
from infra.simulator import simulate

YEAR = 52  # weeks that the simulator has
FIRST_WEEKS, FIRST_POSTS = 4, 6_000  # that the lake begins with
RATE, WEEK = 15.0, 300.0  # posts a second, seconds that a week takes
FIRST, THEN = "trial", "compact,epochs=1,minimum_steps=150,averaging=0.9"  # presets: soon, not the best
PLAN = "brief"  # which RATE decides in time, as tests/infra/rollout/test_forecast.py says
RETRAIN = "retrain/retrain"
POLL_SECONDS = 2.0
NAME = "simulated platform"


def main() -> None:
    """Write the first weeks where the lake is empty, then let week after week pass."""
    settings = Settings()
    adopt(settings)
    lake, kept = open_lake(settings), settings.work / "simulated-week"
    week = int(kept.read_text()) if kept.exists() else _begin(lake)
    key, url = _key(KeyStore.of(lake)), sys.argv[1]
    while True:
        _keep(kept, week)
        year, number = divmod(week - 1, YEAR)  # another year is another platform
        simulate(lake, posts=int(RATE * WEEK), weeks=1, start_week=number + 1, seed=year)
        _decided(settings, url)
        replay(
            url, key, posts_of("simulator", lake, year, number + 1), rate=RATE, seconds=WEEK,
            heard=lambda _: None,
        )  # fmt: skip
        week += 1


def _decided(settings: Settings, url: str) -> None:
    """Returns once somebody decides at the gateway; where a champion has met no challenger yet, one is on its way."""
    store, decides = Store(settings), answers(f"{url}/readyz")
    if store.registry.champion() is None:
        start_retraining({"training": {"preset": FIRST}, "rollout": {"canary": False}})
    while not decides():
        time.sleep(POLL_SECONDS)
    if store.last() is None:
        start_retraining({"training": {"preset": THEN}, "rollout": {"plan": PLAN}})


def start_retraining(parameters: dict[str, Any]) -> None:
    """Start a retraining as Prefect's page does; none where one that somebody started is under way."""
    from prefect import get_client
    from prefect.client.schemas.filters import (
        DeploymentFilter,
        DeploymentFilterId,
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.exceptions import ObjectNotFound

    open_states = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED]
    with get_client(sync_client=True) as client:
        while True:
            try:
                known = client.read_deployment_by_name(RETRAIN)
                break
            except ObjectNotFound:  # while the deployments start
                time.sleep(POLL_SECONDS)
        runs = client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[known.id])),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=open_states))
            ),
        )
        if all(run.auto_scheduled for run in runs):
            client.create_flow_run_from_deployment(known.id, parameters=parameters)


def _key(keys: KeyStore) -> str:
    """A new key; those of starts before, which nobody knows any more, are closed."""
    for kept in keys.all():
        if kept.name == NAME:
            keys.revoke(kept.key_id)
    return keys.create([Scope.DECIDE], NAME)[0]


def _begin(lake: Lake) -> int:
    if not lake.posts.exists():
        simulate(lake, posts=FIRST_POSTS, weeks=FIRST_WEEKS, seed=0)
    return FIRST_WEEKS + 1


def _keep(file: Path, week: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(str(week))


if __name__ == "__main__":
    main()
