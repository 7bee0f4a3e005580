"""Look-ups by key do not grow with the table, and miss no row that an index does not know of yet."""

import threading
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from many_rows import BEGAN, ROLLOUT_ROWS, STEP, decision_id, put_many_decisions, put_many_posts

from infra.lake import Lake, indexes, merging, open_lake
from infra.lake.indexes import MIN_INDEXED_ROWS, bring_up_to_date
from infra.lake.merging import RepeatedKeyError
from infra.lake.numbers import newer_files
from infra.watch.live import _within
from models.domain.schemas import JUDGEMENTS

MANY = MIN_INDEXED_ROWS + 50_000
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A lake whose posts, judgements and decisions have grown past a small size."""
    lake = Lake(str(tmp_path_factory.mktemp("large") / "lake"))
    put_many_posts(lake, MANY)
    put_many_decisions(lake, MANY)
    lake.decisions.compact(100_000, DAY)
    return lake


def plan(table, condition):
    return table.open().scanner(filter=condition).explain_plan(verbose=True)


CONDITIONS = {
    "a decision by its id": ("decisions", "decision_id = 'ab'"),
    "decisions of a rollout": ("decisions", "rollout = 'r1' AND stage = 0"),
    "a watch's window": ("decisions", _within(1, BEGAN, BEGAN + DAY)),
    "posts by their ids": ("posts", "post_id IN ('post-1', 'post-2')"),
    "judgements of posts": ("judgements", "source IN ('import') AND post_id IN ('post-1', 'post-2')"),
}


@pytest.mark.parametrize("asked", CONDITIONS)
def test_a_look_up_in_a_large_table_asks_its_index(large, asked):
    name, condition = CONDITIONS[asked]
    assert "ScalarIndexQuery" in plan(getattr(large, name), condition)


def test_an_ingest_reads_as_many_rows_as_it_may_meet(large):
    wanted = [f"post-{number}" for number in range(0, MANY, MANY // 50)] + ["new"]
    found = large.posts.holding(len(wanted), lambda: wanted, ["post_id", "digest"]).read_all()
    assert sorted(found["post_id"].to_pylist()) == sorted(wanted[:-1])
    assert large.posts.holding(1, list, ["post_id"]).read_all().num_rows == 0


def test_many_values_are_not_looked_up_one_by_one(large):
    def never():
        raise AssertionError("the table is read whole")

    assert large.posts.holding(MANY, never, ["post_id"]).read_all().num_rows == MANY


def test_a_rollouts_look_reads_only_files_that_are_new(tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    put_many_decisions(lake, 3 * 1_000, piece=1_000)
    found, following = lake.decisions.gained(0, ["decision_id"], "role = 'champion'")
    assert (len(found), following) == (3_000, 3_000)
    assert len(lake.decisions.gained(following, ["decision_id"], "true")[0]) == 0
    put_many_decisions(lake, 10, first=3_000)
    assert [len(newer(lake, number)) for number in (0, following)] == [4, 1]
    found, after = lake.decisions.gained(following, ["decision_id"], "role = 'nobody'")
    assert (len(found), after) == (0, 3_010)  # what does not meet the condition is not read again


def newer(lake, number):
    return newer_files(lake.decisions.open(), number)


def test_rows_merged_into_one_file_with_older_ones_are_new_once(tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    read, following = [], 0
    for start in range(0, 60, 10):
        put_many_decisions(lake, 10, first=start)
        if start % 20:
            lake.decisions.compact(100_000, DAY)
        found, following = lake.decisions.gained(following, ["decision_id"], "role = 'champion'")
        read += found["decision_id"].to_pylist()
    assert read == [decision_id(number) for number in range(60)]


def test_rows_that_no_index_knows_of_yet_are_found(large):
    name = decision_id(MANY)
    put_many_decisions(large, 1, first=MANY)
    assert large.decisions.open().count_rows(f"decision_id = '{name}'") == 1
    assert large.decisions.open().count_rows("rollout = 'r1'") == ROLLOUT_ROWS + 1
    assert large.decisions.open().count_rows(_within(1, BEGAN + MANY * STEP, BEGAN + DAY)) == 1


def test_a_table_of_before_gets_its_indexes_at_its_next_write_or_compaction(tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    put_many_decisions(lake, MIN_INDEXED_ROWS)  # by appends, as a release without indexes
    assert lake.decisions.open().describe_indices() == []
    lake.decisions.compact(100_000, DAY, MIN_INDEXED_ROWS - 1)
    assert lake.decisions.open().describe_indices() == []
    lake.decisions.compact(100_000, DAY)
    assert names(lake.decisions) == {"decision_id", "decided_at", "rollout"}
    older = replace(lake.posts, indexes=())
    put_many_posts(Older(older, lake.judgements), MIN_INDEXED_ROWS)
    assert names(lake.posts) == set()
    (row,) = lake.posts.open().to_table(limit=1).to_batches()
    assert lake.posts.upsert([row]).updated == 1
    assert names(lake.posts) == {"post_id"}


class Older:
    def __init__(self, posts, judgements):
        self.posts, self.judgements = posts, judgements


def names(table):
    return {name for described in table.open().describe_indices() for name in described.field_names}


def test_segments_of_like_size_are_merged_and_every_row_is_in_one(tmp_path, monkeypatch):
    monkeypatch.setattr(indexes, "MIN_INDEXED_ROWS", 100)
    lake = Lake(str(tmp_path / "lake"))
    for start in range(0, 6_400, 100):
        put_many_decisions(lake, 100, first=start)
        bring_up_to_date(lake.decisions.open(), lake.decisions.indexes)
    dataset = lake.decisions.open()
    for described in dataset.describe_indices():
        assert len(described.segments) <= 7  # about the logarithm of 64
        assert described.num_rows_indexed == dataset.count_rows() == 6_400
    assert all(dataset.count_rows(f"decision_id = '{decision_id(n)}'") == 1 for n in range(0, 6_400, 777))


@pytest.mark.parametrize("rows", [20, 25])
def test_an_index_whose_rows_were_all_replaced_is_behind_and_knows_them_after_the_write(
    tmp_path, monkeypatch, rows
):
    monkeypatch.setattr(indexes, "MIN_INDEXED_ROWS", 20)
    monkeypatch.setattr(indexes, "MAX_ROWS_BEHIND", 20)
    table = Lake(str(tmp_path / "lake")).judgements
    for violates in (
        True,
        False,
        True,
    ):  # by the third, segments of files that are gone stand beside the newest
        table.upsert([votes({(f"post-{n}", "violence"): (violates, False) for n in range(rows)})])
        (described,) = table.open().describe_indices()
        assert described.num_rows_indexed == table.open().count_rows() == rows
    assert table.open().count_rows("post_id = 'post-7' AND violates") == 1


POSTS = [f"it's-{number}" for number in range(12)]
VOTES = st.dictionaries(
    st.tuples(st.sampled_from(POSTS), st.sampled_from(["hate_speech", "violence"])),
    st.tuples(st.booleans(), st.booleans()),
    min_size=1,
    max_size=10,
)
STEPS = st.lists(st.one_of(VOTES, st.sampled_from(["compact", "index", *POSTS])), min_size=1, max_size=12)


def votes(said):
    rows = [
        {"post_id": post, "policy": policy, "source": "moderator", "moderator_id": "m", "violates": violates,
         "decided_at": BEGAN, "ingested_at": BEGAN, "withdrawn": withdrawn}
        for (post, policy), (violates, withdrawn) in said.items()
    ]  # fmt: skip
    return pa.RecordBatch.from_pylist(rows, schema=JUDGEMENTS)


@pytest.fixture
def small_is_large(monkeypatch):
    """Few rows are looked up by index as many are."""
    monkeypatch.setattr(indexes, "MIN_INDEXED_ROWS", 4)
    monkeypatch.setattr(indexes, "MAX_ROWS_BEHIND", 5)
    monkeypatch.setattr(merging, "ROWS_A_KEY", 1)


@pytest.mark.usefixtures("small_is_large")
@profile(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_corrections_withdrawals_and_duplicates_leave_what_a_dictionary_would(tmp_path_factory, steps):
    table = Lake(str(tmp_path_factory.mktemp("steps") / "lake")).judgements
    told = {}
    for step in steps:
        if isinstance(step, dict):
            done = table.upsert([votes(step)])
            assert (done.inserted, done.updated) == (len(step.keys() - told), len(step.keys() & told))
            told |= step
        elif not table.exists():
            continue
        elif step == "compact":
            table.compact(100, DAY)
        elif step == "index":
            bring_up_to_date(table.open(), table.indexes)
        else:
            table.delete("post_id = '" + step.replace("'", "''") + "'")
            told = {key: said for key, said in told.items() if key[0] != step}
    rows = table.open().to_table().to_pylist() if table.exists() else []
    assert len(rows) == len(told)
    assert {(row["post_id"], row["policy"]): (row["violates"], row["withdrawn"]) for row in rows} == told


@pytest.mark.usefixtures("small_is_large")
@pytest.mark.parametrize("name", ["posts", "judgements"])
def test_writers_who_bring_the_same_new_rows_at_once_to_an_indexed_table_leave_each_once(tmp_path, name):
    lake = Lake(str(tmp_path / "lake"))
    put_many_posts(lake, 1_000)
    table = getattr(lake, name)
    assert names(table) == {"post_id"}
    (row,) = table.open().to_table(limit=1).to_pylist()
    start, failed = threading.Barrier(4), []

    def write(writer):
        fresh = [
            row | {"post_id": post} for post in (*(f"fresh-{n}" for n in range(50)), f"of-{writer}", "post-1")
        ]
        start.wait()
        try:
            table.upsert([pa.RecordBatch.from_pylist(fresh, schema=table.schema)])
        except Exception as error:  # noqa: BLE001 - whatever it is, the test says it
            failed.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    ids = table.open().to_table(columns=["post_id"])["post_id"].to_pylist()
    assert len(ids) == len({*ids}) == 1_054


@pytest.mark.usefixtures("small_is_large")
def test_two_rows_of_one_write_that_replace_the_same_row_are_refused(lake):
    lake.judgements.upsert([votes({("a", "violence"): (True, False)})])
    twice = votes({("a", "violence"): (False, False)})
    with pytest.raises(RepeatedKeyError, match="post_id, policy, source, moderator_id"):
        lake.judgements.upsert([twice, twice])
    assert lake.judgements.open().count_rows() == 1


def test_decisions_that_the_table_has_are_not_added_again(tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    put_many_decisions(lake, 100)
    before = lake.decisions.since(0, ["decision_id"], "true").to_pylist()
    rows = lake.decisions.open().to_table().slice(90)
    other = rows.slice(0, 1).set_column(0, rows.schema.field(0), pa.array(["new"]))
    lake.decisions.append_missing([*rows.to_batches(), *other.to_batches()])
    lake.decisions.append_missing([*other.to_batches()])
    after = lake.decisions.since(0, ["decision_id"], "true").to_pylist()
    assert after == [*before, {"decision_id": "new", "_rowid": 100}]  # no controller counts one a second time


@pytest.mark.slow
@pytest.mark.usefixtures("small_is_large")
def test_in_s3_look_ups_ask_the_index_too_and_an_upsert_replaces_what_is_there(s3_server, tmp_path):
    settings = s3_server.settings(tmp_path / "home")
    bucket = s3_server.bucket(settings)
    lake = open_lake(settings.model_copy(update={"lake_uri": f"s3://{bucket.bucket}/lake"}))
    put_many_posts(lake, 1_000)
    put_many_decisions(lake, 1_000)
    lake.decisions.compact(100_000, DAY)
    assert names(lake.judgements) == {"post_id"}
    for name, condition in CONDITIONS.values():
        assert "ScalarIndexQuery" in plan(getattr(lake, name), condition)
    again = lake.judgements.open().to_table(limit=3)
    done = lake.judgements.upsert(again.to_batches())
    assert (done.inserted, done.updated, lake.judgements.open().count_rows()) == (0, 3, 1_000)
    put_many_decisions(lake, 1, first=1_000)
    assert len(lake.decisions.gained(1_000, ["decision_id"], "true")[0]) == 1
