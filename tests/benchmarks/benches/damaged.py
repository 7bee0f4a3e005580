"""Ten thousand damaged files and values of each kind that ingest reads."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

from damaged_files import FILES, VALUES, damaged_files, damaged_rows

from infra.ingest import ingest
from infra.settings import Settings
from tests.benchmarks.frame import Bench, Figure, Seen, at_most

SEEDS = range(10_000, 20_000)
ENDED = Figure(
    name="kinds whose damage ended an ingest",
    beside="none",
    aim=at_most(0),
    unit=f"of {len([*FILES, *VALUES])}",
)


def measure(folder: Path) -> Iterator[Seen]:
    ended = []
    for kind in [*FILES, *VALUES]:
        try:
            print(tried(kind, folder / kind.replace("/", " ")), flush=True)
        except Exception:  # noqa: BLE001 - any is what is counted
            traceback.print_exc()
            ended.append(kind)
    yield ENDED.seen(len(ended), ", ".join(ended) or f"{len(SEEDS):,} of each")


def tried(kind: str, folder: Path) -> str:
    """What became of them. Whole files are read without storing them."""
    place = folder / "in"
    source = (damaged_files if kind in FILES else damaged_rows)(kind, place, SEEDS)
    path = place if kind in FILES else place / "a.jsonl"
    settings = Settings(_env_file=None, home=folder / "home")
    summary = ingest(settings, source, str(path), dry_run=kind in FILES)
    return (
        f"{kind}: {summary.rows:,} rows, {summary.posts.inserted:,} kept, {dict(summary.rejects.by_reason)}"
    )


BENCH = Bench(figures=(ENDED,), measure=measure, seeds="10000 to 19999", limit_seconds=4 * 3600)
