"""A million text posts: seconds against a bare DuckDB read into a Lance table, and peak memory against a tenth."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.frame import Bench, Figure, Seen, at_most
from tests.benchmarks.own_process import INGEST, MEASURE, measured

TURNS = 3
SECONDS = Figure(
    name="ingest of 1,000,000 posts",
    beside="seconds of a bare DuckDB read into a Lance table",
    aim=at_most(3),
)
MEMORY = Figure(name="its peak memory", beside="a limit", aim=at_most(2000), unit="MB")
GROWTH = Figure(
    name="its peak memory at ten times the posts", beside="that of 100,000 posts", aim=at_most(1.3)
)

BARE = MEASURE.format(
    imports="import duckdb, lance",
    work="lance.write_dataset(duckdb.sql(f\"FROM read_json('{sys.argv[1]}')\").to_arrow_reader(65536), sys.argv[2])",
)


def write_posts(path: Path, count: int) -> Path:
    source = random.Random(count)
    words = ["".join(source.choices("abdegiklmnoprstuw", k=source.randint(2, 9))) for _ in range(5000)]
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            post = {
                "post_id": f"p{number:08d}",
                "author_id": f"a{number % 5000}",
                "market": "DE",
                "language": "de",
                "created_at": f"2026-03-{number % 28 + 1:02d}T10:{number % 60:02d}:00Z",
                "text": " ".join(source.choices(words, k=source.randint(6, 24))),
                "views": number % 1000,
                "labels": {"hate_speech": number % 7 == 0, "profanity": number % 3 == 0},
            }
            file.write(json.dumps(post) + "\n")
    return path


def measure(folder: Path) -> Iterator[Seen]:
    large = write_posts(folder / "large.jsonl", 1_000_000)
    small = write_posts(folder / "small.jsonl", 100_000)
    _, less = measured(INGEST, small, folder / "small")
    pairs = []
    for turn in range(TURNS):  # in turns, so that a busy machine slows both
        bare = measured(BARE, large, folder / f"bare{turn}")
        ours = measured(INGEST, large, folder / f"home{turn}")
        pairs.append((ours[0] / bare[0], ours, bare))
    ratio, (seconds, memory), (bare_seconds, _) = sorted(pairs)[TURNS // 2]
    yield SECONDS.seen(ratio, f"{seconds:.1f} s beside {bare_seconds:.1f} s, median of {TURNS}")
    yield MEMORY.seen(memory)
    yield GROWTH.seen(memory / less)


BENCH = Bench(figures=(SECONDS, MEMORY, GROWTH), measure=measure, seeds="the count of posts")
