"""One measurement in a process of its own, so that its peak memory is its own; prints a JSON object.

python snapshot_at_size.py fill HOME POSTS | cut HOME | validate HOME | bare HOME
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from peak_memory import peak_mb  # beside this script

from infra.environment import adopt
from infra.lake import open_lake
from infra.settings import Settings
from models.domain.schemas import JUDGEMENTS, POSTS

BATCH = 20_000
START = datetime(2026, 1, 1, tzinfo=UTC)
POLICIES = ("hate_speech", "fraud_and_spam", "profanity")


def posts(count: int) -> Iterator[pa.RecordBatch]:
    """Texts of 12 invented words, ten posts an author, one in fifty a near-duplicate, one in seventy a copy."""
    random = np.random.default_rng(0)
    words = np.array(
        [f"{a}{b}{c}" for a in "bdfgklmn" for b in ("ado", "ire", "umo", "ela") for c in range(300)]
    )
    for start in range(0, count, BATCH):
        rows = min(BATCH, count - start)
        texts = [" ".join(line) for line in words[random.integers(0, len(words), (rows, 12))]]
        texts[1::50] = [text + " indeed" for text in texts[0 : rows - 1 : 50]]
        texts[2::70] = texts[1 : rows - 1 : 70]
        ids = [f"post-{start + row}" for row in range(rows)]
        columns = {
            "post_id": ids,
            "author_id": [f"author-{author}" for author in random.integers(0, count // 10 + 1, rows)],
            "market": random.choice(["DE", "US", "JP", "FR"], rows).tolist(),
            "language": random.choice(["de", "en", "ja"], rows).tolist(),
            "created_at": [START + timedelta(seconds=start + row) for row in range(rows)],
            "text": texts,
            "image": [None] * rows,
            "video": [None] * rows,
            "views": [0] * rows,
            "source": ["benchmark"] * rows,
            "digest": ids,
            "version": [1] * rows,
            "ingested_at": [START + timedelta(days=30)] * rows,
        }
        yield pa.RecordBatch.from_pydict(columns, schema=POSTS)


def judgements(count: int) -> Iterator[pa.RecordBatch]:
    random = np.random.default_rng(1)
    for start in range(0, count, BATCH):
        rows = min(BATCH, count - start)
        columns = {
            "post_id": [f"post-{start + row}" for row in range(rows)],
            "policy": random.choice(POLICIES, rows).tolist(),
            "source": ["moderator"] * rows,
            "moderator_id": [f"moderator-{number}" for number in random.integers(0, 50, rows)],
            "violates": (random.random(rows) < 0.2).tolist(),
            "decided_at": [START + timedelta(days=20)] * rows,
            "ingested_at": [START + timedelta(days=30)] * rows,
        } | dict.fromkeys(("votes", "violating", "withdrawn"), [None] * rows)
        yield pa.RecordBatch.from_pydict(columns, schema=JUDGEMENTS)


def fill(settings: Settings, count: int) -> None:
    lake = open_lake(settings)
    lake.posts.append(posts(count))
    lake.judgements.append(judgements(count))


def cut(settings: Settings):
    from tasks.data.snapshot import cut, pin

    return cut.fn(settings, pin.fn(settings), "community_guidelines", 0)


def validate(settings: Settings) -> None:
    from tasks.training.validate import inspect

    inspect(settings, cut(settings))


def bare(settings: Settings) -> dict[str, float]:
    """Our validation of a snapshot, and Great Expectations alone: each table one frame in memory, one batch."""
    import pandas as pd

    from expectations.docs import write_page
    from expectations.running import Engine, run
    from expectations.suite import Scope
    from expectations.suites import SUITES
    from models.policies import POLICY_SETS
    from tasks.training.validate import lake_tables

    snapshot = cut(settings)
    scope = Scope(POLICY_SETS["community_guidelines"], lake_tables(open_lake(settings), snapshot, None))
    suites = list(SUITES)
    engine = Engine()
    engine.check(pd.DataFrame({"post_id": ["a"], "views": [1]}), [], ("post_id",))
    seconds = {}
    with TemporaryDirectory() as folder:
        for name, batch_rows in (("ours", None), ("bare", 1 << 60)):
            workspace = Path(folder) / name
            workspace.mkdir()
            began = time.perf_counter()
            report = run(suites, scope, workspace, **({"batch_rows": batch_rows} if batch_rows else {}))
            seconds[name] = time.perf_counter() - began
        write_page(report, "benchmark", Path(folder))
    return seconds


def main() -> None:
    verb, home, *rest = sys.argv[1:]
    settings = Settings(home=Path(home))
    adopt(settings)
    began = time.perf_counter()
    result = fill(settings, int(rest[0])) if verb == "fill" else globals()[verb](settings)
    seconds = time.perf_counter() - began
    peak = peak_mb()
    print(json.dumps({"seconds": seconds, "peak_mb": peak, **(result if isinstance(result, dict) else {})}))


if __name__ == "__main__":
    main()
