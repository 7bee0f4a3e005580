import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from infra.lake import Load, UnfitRowsError, quoted, standing
from infra.lake.table import NoSuchVersionError
from models.domain.schemas import JUDGEMENTS

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def batch(ids, *, violates=True):
    rows = [
        {"post_id": post, "policy": "profanity", "source": "import", "moderator_id": "", "violates": violates,
         "decided_at": None, "ingested_at": NOW}
        for post in ids
    ]  # fmt: skip
    return pa.RecordBatch.from_pylist(rows, schema=JUDGEMENTS)


def test_an_upsert_inserts_what_is_new_and_replaces_what_is_there(lake):
    assert lake.judgements.upsert([batch("ab")]).inserted == 2
    done = lake.judgements.upsert([batch("bc", violates=False)])
    assert (done.inserted, done.updated) == (1, 1)
    found = lake.judgements.open().to_table(columns=["post_id", "violates"]).to_pylist()
    assert {row["post_id"]: row["violates"] for row in found} == {"a": True, "b": False, "c": False}


def test_an_upsert_of_nothing_makes_no_version(lake):
    assert lake.judgements.upsert([]).inserted == 0
    assert not lake.judgements.exists()


@pytest.mark.parametrize("filled", [False, True])
def test_writers_who_bring_the_same_rows_at_once_leave_each_once(lake, filled):
    lake.judgements.create()
    if filled:
        lake.judgements.upsert([batch(["first"])])
    start = threading.Barrier(4)

    def write(writer):
        start.wait()
        lake.judgements.upsert([batch([*(f"p{n}" for n in range(300)), f"w{writer}"])])

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = lake.judgements.open().to_table(columns=["post_id"])["post_id"].to_pylist()
    assert sorted(ids) == sorted({*ids})
    assert len(ids) == 304 + filled


def test_a_load_that_another_writer_overtakes_still_arrives(lake):
    table = lake.judgements
    table.create()

    def rows():
        yield batch("ab")
        table.upsert([batch("bc", violates=False)])
        yield batch("d")

    done = table.upsert(rows())
    assert (done.inserted, done.updated) == (2, 1)
    assert table.open().count_rows() == 4


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_a_version_is_found_by_time_in_any_time_zone(lake, monkeypatch, zone):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        lake.judgements.upsert([batch("a")])
        first = lake.judgements.open().version
        time.sleep(0.05)
        between = datetime.now(UTC)
        time.sleep(0.05)
        lake.judgements.upsert([batch("b")])
        assert lake.judgements.version_at(between) == first
        assert lake.judgements.version_at(between + timedelta(minutes=1)) == first + 1
        with pytest.raises(NoSuchVersionError, match="it begins"):
            lake.judgements.version_at(between - timedelta(minutes=1))
    finally:
        del os.environ["TZ"]
        time.tzset()


def test_a_load_shows_all_of_its_rows_at_its_commit_and_none_before(lake):
    with Load(lake.judgements) as load:
        load.put(batch("ab"))
        load.put(batch("c"))
        assert lake.judgements.is_empty()
        assert load.commit().inserted == load.count == 3
    assert lake.judgements.open().count_rows() == 3


def test_an_abandoned_load_leaves_no_row_and_no_file(lake):
    with Load(lake.judgements) as load:
        load.put(batch("ab"))
    assert lake.judgements.is_empty()
    assert not list(Path(lake.judgements.uri).glob("data/*"))


def test_a_load_into_a_table_that_another_writer_filled_keeps_the_rows_of_both(lake):
    lake.judgements.upsert([batch("xa")])
    with Load(lake.judgements) as load:
        load.put(batch("ab", violates=False))
        done = load.commit()
    assert (done.inserted, done.updated) == (1, 1)
    assert sorted(lake.judgements.open().to_table()["post_id"].to_pylist()) == ["a", "b", "x"]


def test_a_load_says_what_stopped_its_writer(lake):
    lake.judgements.create()
    Path(lake.judgements.uri, "data").write_text("where the folder of files should be")
    with Load(lake.judgements) as load:
        load.put(batch("a"))
        with pytest.raises(OSError, match="File exists"):
            load.commit()


def damaged(ids):
    """A batch whose second id is no UTF-8, as a column of a file that nobody checks may be."""
    good = batch(ids)
    raw = pa.array([name.encode() if place != 1 else b"b\xff" for place, name in enumerate(ids)], pa.binary())
    text = pa.Array.from_buffers(pa.string(), len(ids), raw.buffers())
    return pa.RecordBatch.from_arrays([text, *good.columns[1:]], schema=JUDGEMENTS)


def gapped(ids):
    good = batch(ids)
    return pa.RecordBatch.from_arrays([pa.nulls(len(ids), pa.string()), *good.columns[1:]], schema=JUDGEMENTS)


def loaded(table, batches):
    with Load(table) as load:
        for item in batches:
            load.put(item)
        load.commit()


WAYS = {
    "an upsert": lambda table, batches: table.upsert(batches),
    "an append": lambda table, batches: table.append(batches),
    "a load": loaded,
    "a replacement": lambda table, batches: table.replace_where(pa.Table.from_batches(batches), "true"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("filled", [False, True])
@pytest.mark.parametrize(("spoilt", "why"), [(damaged, "not UTF-8"), (gapped, "may not be missing")])
def test_rows_that_would_make_a_table_unreadable_are_refused_and_cost_nothing(lake, way, filled, spoilt, why):
    table = lake.judgements
    if filled:
        table.upsert([batch("xy")])
    with pytest.raises(UnfitRowsError, match=f"post_id .*{why}"):
        WAYS[way](table, [batch("ab"), spoilt("cde")])
    held = table.open().to_table()["post_id"].to_pylist() if table.exists() else []
    assert sorted(held) == (["x", "y"] if filled else [])


def test_rows_of_another_type_are_refused(lake):
    other = batch("ab")
    coded = other.set_column(0, "post_id", other["post_id"].dictionary_encode())
    with pytest.raises(UnfitRowsError, match="post_id holds dictionary"):
        lake.judgements.upsert([coded])


def test_a_list_of_reasons_is_checked_within(lake):
    decision = {field.name: None for field in lake.decisions.schema} | {
        "decision_id": "d", "post_id": "p", "market": "DE", "model_version": "1", "role": "champion", "scores": [],
        "reasons": [{"policy": None, "score": 0.5, "threshold": 0.5, "action": "allow", "market": "DE"}],
        "latency_ms": 1.0, "decided_at": NOW,
    }  # fmt: skip
    with pytest.raises(UnfitRowsError, match="reasons may not be missing"):
        lake.decisions.append([pa.RecordBatch.from_pylist([decision], schema=lake.decisions.schema)])


OLDER = {
    "decisions": ("unread",),
    "judgements": ("decided_at",),  # which stands in the middle of its schema
}


@pytest.mark.parametrize("name", OLDER)
@pytest.mark.parametrize("rows", [0, 3])
def test_a_table_of_an_older_release_gets_the_columns_it_lacks_at_its_first_write(lake, name, rows):
    table = getattr(lake, name)
    older = replace(table, schema=pa.schema([item for item in table.schema if item.name not in OLDER[name]]))
    older.create()
    older.append([plain_rows(older.schema, [f"old{n}" for n in range(rows)])][: rows and 1])
    table.append([plain_rows(table.schema, ["new"])])
    table.upsert([plain_rows(table.schema, ["new", "newer"])])
    assert set(table.open().schema.names) == set(table.schema.names)
    key = table.keys[0]
    found = {row[key]: row for row in table.open().to_table().to_pylist()}
    assert set(found) == {"new", "newer", *(f"old{n}" for n in range(rows))}
    assert all(row[column] is None for row in found.values() for column in OLDER[name])
    older.append([plain_rows(older.schema, ["late"])])  # by a writer that was not restarted yet
    assert table.open().count_rows() == rows + 3


def test_a_widened_table_keeps_the_numbers_of_its_rows(lake):
    table = lake.decisions
    older = replace(table, schema=table.schema.remove(table.schema.get_field_index("unread")))
    older.append([plain_rows(older.schema, ["a", "b"])])
    before = table.since(0, ["decision_id"], "true").to_pylist()
    table.append([plain_rows(table.schema, ["c"])])
    assert table.since(0, ["decision_id"], "true").to_pylist()[:2] == before
    assert table.since(2, ["decision_id"], "true")["decision_id"].to_pylist() == ["c"]


def test_writers_who_widen_a_table_at_once_all_arrive(lake):
    table = lake.decisions
    older = replace(table, schema=table.schema.remove(table.schema.get_field_index("unread")))
    older.append([plain_rows(older.schema, ["old"])])
    start = threading.Barrier(4)

    def write(writer):
        start.wait()
        table.append([plain_rows(table.schema, [f"w{writer}"])])

    with ThreadPoolExecutor(4) as writers:
        list(writers.map(write, range(4)))
    assert table.open().count_rows() == 5


def plain_rows(schema, ids):
    """Rows with nothing where that may be, and otherwise the same but for their ids."""
    plain = {pa.string(): "", pa.bool_(): True, pa.float64(): 0.0, schema.field(0).type: ""}
    values = {item.name: plain.get(item.type, [] if pa.types.is_list(item.type) else NOW)
              for item in schema if not item.nullable}  # fmt: skip
    return pa.RecordBatch.from_pylist([values | {schema.names[0]: name} for name in ids], schema=schema)


def test_what_was_withdrawn_stands_no_longer_and_older_tables_know_of_no_withdrawal(lake):
    lake.judgements.upsert([batch("ab")])
    (gone,) = batch("c").to_pylist()
    lake.judgements.upsert([pa.RecordBatch.from_pylist([gone | {"withdrawn": True}], schema=JUDGEMENTS)])
    held = lake.judgements.open()
    assert held.count_rows(standing(held)) == 2
    assert held.count_rows(standing(held, "post_id = 'c' OR post_id = 'a'")) == 1
    held.drop_columns(["withdrawn"])
    older = lake.judgements.open()
    assert standing(older) == ""
    assert older.count_rows(standing(older, "post_id = 'a'")) == 1


def test_rows_are_taken_out_by_a_condition_whose_values_may_hold_quotes(lake):
    assert lake.judgements.delete("true") == 0
    lake.judgements.upsert([batch(["it's", "other"])])
    assert lake.judgements.delete("post_id = " + quoted("it's")) == 1
    assert [row["post_id"] for row in lake.judgements.open().to_table().to_pylist()] == ["other"]
