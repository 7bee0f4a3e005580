"""A million text posts: seconds against a bare DuckDB read into a Lance table, and peak memory against a tenth."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.frame import Bench, Figure, Seen, at_most

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

MEASURE = """
import sys, time
from tests.benchmarks.peak_memory import peak_mb
{imports}
started = time.perf_counter()
{work}
seconds = time.perf_counter() - started
print(seconds, peak_mb())
"""

BARE = MEASURE.format(
    imports="import duckdb, lance",
    work="lance.write_dataset(duckdb.sql(f\"FROM read_json('{sys.argv[1]}')\").to_arrow_reader(65536), sys.argv[2])",
)

INGEST = MEASURE.format(
    imports="from pathlib import Path; from infra.ingest import ingest; from infra.environment import adopt; "
    "from infra.settings import Settings",
    work="settings = Settings(_env_file=None, home=Path(sys.argv[2])); adopt(settings); "
    "ingest(settings, 'jsonl', sys.argv[1])",
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


def measured(program: str, *arguments: Path) -> tuple[float, float]:
    """Seconds of the work, without imports, and peak MB of its process."""
    command = [sys.executable, "-W", "error", "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, memory = done.stdout.split()[-2:]  # DuckDB prints its progress before
    return float(seconds), float(memory)


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
