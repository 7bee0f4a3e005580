"""A simulated platform beside `moderato up --demo`: weeks of posts and judgements, and the requests that they cause.

`python -m flows.simulated URL` goes on until it is stopped; a week of the platform passes every few minutes.
"""

from __future__ import annotations

import sys
import time
import urllib.request
from pathlib import Path

from infra.gateway import KeyStore, Scope
from infra.lake import Lake, open_lake
from infra.settings import Settings, adopt
from infra.simulator import simulate
from infra.traffic import posts_of, replay

SEED = 0
FIRST_WEEKS, FIRST_POSTS = 4, 12_000  # that the lake begins with
RATE, WEEK = 10.0, 600.0  # posts a second, seconds that a week takes
LOOK = 2.0


def main() -> None:
    """Write the first weeks where the lake is empty, then let week after week pass."""
    settings = Settings()
    adopt(settings)
    lake, kept = open_lake(settings), settings.work / "simulated-week"
    week = int(kept.read_text()) if kept.exists() else _begin(lake)
    key, _ = KeyStore.of(lake).create([Scope.DECIDE], "simulated platform")
    while True:
        _keep(kept, week)
        simulate(lake, posts=int(RATE * WEEK), weeks=1, start_week=week, seed=SEED)
        _pass(sys.argv[1], key, lake, week)
        week += 1


def _begin(lake: Lake) -> int:
    if not lake.posts.exists():
        simulate(lake, posts=FIRST_POSTS, weeks=FIRST_WEEKS, seed=SEED)
    return FIRST_WEEKS + 1


def _keep(file: Path, week: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(str(week))


def _pass(url: str, key: str, lake: Lake, week: int) -> None:
    """A week's posts reach the gateway, from when somebody decides there."""
    while not _decides(url):
        time.sleep(LOOK)
    posts = posts_of("simulator", lake, SEED, week)
    replay(url, key, posts, rate=RATE, seconds=WEEK, heard=lambda _: None)


def _decides(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=LOOK) as answer:  # noqa: S310 - our own gateway
            return bool(answer.status == 200)  # noqa: PLR2004
    except OSError:
        return False


if __name__ == "__main__":
    main()
