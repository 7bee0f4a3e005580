"""A simulated platform beside `moderato up --demo`: weeks of posts and judgements, and the requests that they cause.

`python -m flows.simulated URL` goes on until it is stopped; a week of the platform passes every few minutes.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from infra.environment import adopt
from infra.gateway import KeyStore, Scope
from infra.lake import Lake, open_lake
from infra.platform import answers
from infra.settings import Settings
from infra.simulator import simulate
from infra.traffic import posts_of, replay
from infra.traffic.posts import Posts

YEAR = 52  # weeks that the simulator has
FIRST_WEEKS, FIRST_POSTS = 4, 12_000  # that the lake begins with
RATE, WEEK = 10.0, 600.0  # posts a second, seconds that a week takes
LOOK = 2.0
NAME = "simulated platform"


def main() -> None:
    """Write the first weeks where the lake is empty, then let week after week pass."""
    settings = Settings()
    adopt(settings)
    lake, kept = open_lake(settings), settings.work / "simulated-week"
    week = int(kept.read_text()) if kept.exists() else _begin(lake)
    key = _key(KeyStore.of(lake))
    while True:
        _keep(kept, week)
        year, number = divmod(week - 1, YEAR)  # another year is another platform
        simulate(lake, posts=int(RATE * WEEK), weeks=1, start_week=number + 1, seed=year)
        _pass(sys.argv[1], key, posts_of("simulator", lake, year, number + 1))
        week += 1


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


def _pass(url: str, key: str, posts: Posts) -> None:
    """A week's posts reach the gateway, from when somebody decides there."""
    decides = answers(f"{url}/readyz")
    while not decides():
        time.sleep(LOOK)
    replay(url, key, posts, rate=RATE, seconds=WEEK, heard=lambda _: None)


if __name__ == "__main__":
    main()
