"""Look-ups that do not grow: an ingest, a decision by its id, a canary's look, a watch's window and quick commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

from lance import Session
from made_up_traffic import MARKETS, POLICIES, two_versions
from many_rows import BEGAN, STEP, decision_id, put_many_decisions, put_many_posts

from infra.lake import Lake, open_lake
from infra.rollout import Rollout, plan_named
from infra.rollout.observation import Observation
from infra.settings import Settings
from infra.watch import live_view
from tests.benchmarks.frame import Bench, Figure, Seen, at_most
from tests.benchmarks.own_process import INGEST, measured

ROWS = int(os.environ.get("LOOK_UP_ROWS", "10_000_000"))  # of each table, made up by columns, in minutes
FEW_ROWS, NEW_POSTS, TURNS = 10_000, 1_000, 5
INGEST_SECONDS = Figure(
    name=f"ingest of {NEW_POSTS:,} posts into a lake of {ROWS:,}: seconds",
    beside=f"into {FEW_ROWS:,}",
    aim=at_most(1.5),
)
INGEST_MEMORY = Figure(name="its peak memory", beside=f"into {FEW_ROWS:,}", aim=at_most(1.5))
DECISION = Figure(name=f"a decision by its id among {ROWS:,}", beside="a limit", aim=at_most(10), unit="ms")
LOOK = Figure(name=f"a canary's look among {ROWS:,} decisions", beside="a limit", aim=at_most(0.2), unit="s")
WINDOW = Figure(
    name=f"a watch's window of 100,000 decisions among {ROWS:,}", beside="a limit", aim=at_most(5), unit="s"
)
COMMANDS = {
    words: Figure(
        name=f"`moderato {words.partition(' -')[0]}`", beside="a limit", aim=at_most(most), unit="s"
    )
    for words, most in (("rollback --to 1", 1), ("canary abort --reason no", 1), ("status", 0.7))
}


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure(folder: Path) -> Iterator[Seen]:
    yield from commands(folder)
    yield from an_ingest_into_a_large_lake(folder)
    decided = Lake(str(folder / "decided" / "lake"))
    put_many_posts(decided, ROWS)
    put_many_decisions(decided, ROWS)
    decided.decisions.compact(100_000, timedelta(0))
    yield a_decision_by_its_id(decided)
    yield a_canarys_look(decided)
    yield a_watchs_window(decided)


def new_posts(path: Path, turn: int) -> Path:
    lines = (
        json.dumps({
            "post_id": f"new-{turn}-{number}", "text": f"invented words {number}", "market": "DE", "language": "en",
            "created_at": "2026-01-05T09:00:00Z", "labels": {"profanity": number % 2 == 0},
        })
        for number in range(NEW_POSTS)
    )  # fmt: skip
    path.write_text("\n".join(lines))
    return path


def an_ingest_into_a_large_lake(folder: Path) -> Iterator[Seen]:
    homes = {rows: folder / str(rows) for rows in (FEW_ROWS, ROWS)}
    for rows, home in homes.items():
        put_many_posts(open_lake(Settings(_env_file=None, home=home)), rows)
    ratios, memories = [], []
    for turn in range(TURNS):  # in turns, so that a busy machine slows both
        path = new_posts(folder / f"{turn}.jsonl", turn)
        (few, few_mb), (many, many_mb) = (measured(INGEST, path, home) for home in homes.values())
        ratios, memories = [*ratios, many / few], [*memories, many_mb / few_mb]
    yield INGEST_SECONDS.seen(median(ratios), f"at last {many:.2f} s beside {few:.2f} s, median of {TURNS}")
    yield INGEST_MEMORY.seen(median(memories), f"at last {many_mb:.0f} MB beside {few_mb:.0f} MB")


def a_decision_by_its_id(decided: Lake) -> Seen:
    table = replace(decided.decisions, session=Session(index_cache_size_bytes=2**28))

    def find(number: int) -> None:
        (found,) = table.open().to_table(filter=f"decision_id = '{decision_id(number)}'", limit=1).to_pylist()
        assert found["post_id"] == f"post-{number}"

    first = seconds(lambda: find(7))
    took = median(seconds(lambda n=n: find(n * (ROWS // 100))) for n in range(99))
    return DECISION.seen(took * 1e3, f"{first * 1e3:.1f} ms the first time")


def a_canarys_look(decided: Lake) -> Seen:
    begun = Rollout.begin(plan_named("brief"), 1, 2, datetime.now(UTC)).model_copy(update={"id": "r1"})
    observation = Observation(decided, begun, POLICIES, MARKETS)
    first = seconds(observation.read)
    looks = []
    for turn in range(TURNS):
        put_many_decisions(decided, 500, first=ROWS + turn * 500)
        looks.append(seconds(observation.read))
    return LOOK.seen(median(looks), f"the first {first:.3f} s")


def a_watchs_window(decided: Lake) -> Seen:
    until = BEGAN + ROWS * STEP
    return WINDOW.seen(seconds(lambda: live_view(decided, POLICIES, 1, until - 100_000 * STEP, until)))


def commands(folder: Path) -> Iterator[Seen]:
    for words, figure in COMMANDS.items():
        home = folder / words.partition(" ")[0]
        store = two_versions(Settings(_env_file=None, home=home))
        store.registry.fetch(store.registry.resolve("1"))
        assert store.registry.experiment_id
        command = [sys.executable, "-m", "flows.cli", *words.split()]
        environment = os.environ | {"MODERATO_HOME": str(home)}
        run = partial(subprocess.run, command, env=environment, capture_output=True, check=False)
        yield figure.seen(median(seconds(run) for _ in range(TURNS)), f"median of {TURNS}")


BENCH = Bench(
    figures=(INGEST_SECONDS, INGEST_MEMORY, DECISION, LOOK, WINDOW, *COMMANDS.values()),
    measure=measure,
    limit_seconds=2 * 3600,
)
