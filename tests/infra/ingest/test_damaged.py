"""Whatever a file holds, ingest ends, says what it could not read, and keeps the good rows beside it."""

import pytest
from damaged_files import FILES, VALUES, damaged_files, damaged_rows
from ingested import rows

from infra.ingest import ingest
from infra.settings import Settings

SEEDS = range(300)


@pytest.fixture
def settings(tmp_path):
    return Settings(_env_file=None, home=tmp_path / "home")


@pytest.mark.slow
@pytest.mark.parametrize("kind", FILES)
def test_no_damaged_file_ends_an_ingest_or_costs_a_good_one(settings, lake, tmp_path, kind):
    source = damaged_files(kind, tmp_path / "in", SEEDS)
    tried = ingest(settings, source, str(tmp_path / "in"), dry_run=True)
    assert tried.files == len(SEEDS) + 1
    assert tried.rejects.total > 0
    good = ingest(settings, source, str(next((tmp_path / "in").glob("good*"))))
    assert good.rejects.total == 0
    assert len(rows(lake.posts)) == good.posts.inserted == good.rows > 0


@pytest.mark.parametrize("kind", VALUES)
def test_no_damaged_value_ends_an_ingest_or_costs_the_row_beside_it(settings, lake, tmp_path, kind):
    source = damaged_rows(kind, tmp_path / "in", SEEDS)
    summary = ingest(settings, source, str(tmp_path / "in" / "a.jsonl"))
    held = {row["post_id"] for row in rows(lake.posts)}  # all of them can be read
    assert held >= {f"good{seed}" for seed in SEEDS}
    assert summary.rows == summary.posts.inserted + summary.duplicates + summary.rejects.total
