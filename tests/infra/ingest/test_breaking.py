"""Rows that break the database they are read in cost only themselves."""

import duckdb
import pyarrow as pa
import pytest
from ingested import rows

from infra.ingest import ingest, reading
from infra.ingest.database import Spare
from infra.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(_env_file=None, home=tmp_path / "home")


def broken(connection):
    """As DuckDB 2.0 does of itself for a time that it cannot hold; every later query fails then."""
    connection.register("piece", pa.table({"at": pa.array([2**62], pa.timestamp("s"))}))
    with pytest.raises(duckdb.Error):
        connection.sql("SELECT at::VARCHAR FROM piece").fetchall()


def test_a_database_that_broke_is_opened_anew(tmp_path):
    with Spare(tmp_path) as spare:
        first = spare.whole()
        assert spare.whole() is first
        broken(first)
        assert spare.whole().execute("SELECT 1").fetchone() == (1,)


def test_a_row_that_breaks_the_database_costs_itself_alone(settings, lake, tmp_path, monkeypatch):
    """The one place where a fault is made up: which bytes break DuckDB next, nobody knows."""
    whole = reading.typed

    def typed(connection, raw, source):
        found = whole(connection, raw, source)
        if "break" in found["text"].to_pylist():
            broken(connection)
            raise duckdb.FatalException("invalidated")
        return found

    monkeypatch.setattr(reading, "typed", typed)
    lines = [f'{{"post_id": "p{n}", "text": "{"break" if n in (3, 7) else n}"}}\n' for n in range(9)]
    (tmp_path / "a.jsonl").write_text("".join(lines))
    summary = ingest(settings, "jsonl", str(tmp_path / "a.jsonl"))
    assert summary.rejects.by_reason == {"unreadable_row": 2}
    assert sorted(row["row"] for row in rows(lake.rejects)) == [4, 8]
    assert len(rows(lake.posts)) == 7
