"""Ten thousand damaged files and values of each kind that ingest reads."""

import pytest
from damaged_files import FILES, VALUES, damaged_files, damaged_rows

from infra.ingest import ingest
from infra.settings import Settings

pytestmark = pytest.mark.benchmark
SEEDS = range(10_000, 20_000)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", [*FILES, *VALUES])
def test_ten_thousand(tmp_path, kind):
    place = tmp_path / "in"
    source = (damaged_files if kind in FILES else damaged_rows)(kind, place, SEEDS)
    path = place if kind in FILES else place / "a.jsonl"
    summary = ingest(Settings(_env_file=None, home=tmp_path / "home"), source, str(path), dry_run=kind in FILES)
    print(f"\n{kind}: {summary.rows:,} rows, {summary.posts.inserted:,} kept, {dict(summary.rejects.by_reason)}")
