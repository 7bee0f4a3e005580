from datetime import timedelta

import lance
import numpy as np
import pyarrow as pa
import pytest
from lake_rows import START, invented, judgement, post, put, put_platform

from infra.lake import Lake
from infra.snapshots import EmptyLakeError, cut_corpus, cut_snapshot, pin_posts, pin_versions
from models.data.snapshot import SnapshotRows
from models.domain.schemas import POSTS, SPLITS, snapshot_schema
from models.policies import POLICY_SETS

POLICIES = POLICY_SETS["community_guidelines"]
COPIES, LATE, ALIKE = (
    "has the same content as another",
    "is as late as what retraining tests on",
    "is a near-duplicate of what retraining tests on",
)


@pytest.fixture
def cut(tmp_path):
    def run(lake: Lake, seed: int = 0, **versions: int):
        return cut_corpus(lake, {**pin_posts(lake), **versions}, POLICIES, seed, tmp_path / "work")

    return run


def rows_of(made):
    return {row["post_id"]: row for row in lance.dataset(made.uri).to_table().to_pylist()}


def put_judged_and_not(lake, count=400):
    """Every other post is judged, an hour between posts."""
    posts = [post(number, created_at=START + timedelta(hours=number)) for number in range(count)]
    put(
        lake,
        posts,
        [judgement(row["post_id"], violates=place % 4 == 0) for place, row in enumerate(posts[::2])],
    )
    return posts


def test_posts_are_in_it_judged_or_not_and_nothing_is_known_of_them(lake, cut):
    put_judged_and_not(lake)
    made = cut(lake)
    dataset = lance.dataset(made.uri)
    assert dataset.schema.remove_metadata() == snapshot_schema(POLICIES.keys)
    rows = rows_of(made)
    assert {"post-2", "post-3"} <= rows.keys()
    for row in rows.values():
        assert np.isnan(row["labels"]).all()
        assert not any(row["votes"])


def test_training_reads_it_as_a_snapshot_with_a_small_validation_split(lake, cut):
    put_judged_and_not(lake)
    made = cut(lake)
    read = SnapshotRows.open(made.uri)
    assert (read.id, read.policies, read.counts) == (made.id, POLICIES.keys, made.counts)
    assert made.counts["test"] == made.counts["calibration"] == 0
    assert 0 < made.counts["validation"] < 0.12 * made.counts["train"]
    splits = lance.dataset(made.uri).to_table(columns=["split"])["split"].to_pylist()
    assert splits == sorted(splits, key=SPLITS.index)


def test_it_ends_before_the_first_post_that_a_retraining_tests_on(lake, cut, tmp_path):
    posts = put_judged_and_not(lake)
    snapshot = cut_snapshot(lake, pin_versions(lake), POLICIES, 0, tmp_path / "work")
    tested = [row["created_at"] for row in rows_of(snapshot).values() if row["split"] == "test"]
    made = cut(lake)
    assert max(row["created_at"] for row in rows_of(made).values()) < min(tested)
    assert made.dropped[LATE] == sum(row["created_at"] >= min(tested) for row in posts) > 20
    assert sum(made.counts.values()) + sum(made.dropped.values()) == len(posts)


def test_undated_posts_that_a_retraining_tests_on_are_left_out_with_what_is_like_them(lake, cut, tmp_path):
    posts = [post(number) for number in range(200)]
    echoes = [post(300 + number, text=invented(number) + " indeed") for number in range(200)]
    put(lake, posts + echoes, [judgement(row["post_id"]) for row in posts])
    snapshot = cut_snapshot(lake, pin_versions(lake), POLICIES, 0, tmp_path / "work")
    tested = {name for name, row in rows_of(snapshot).items() if row["split"] == "test"}
    made = cut(lake)
    like = {f"post-{300 + int(name[5:])}" for name in tested}
    assert not rows_of(made).keys() & (tested | like)
    assert (made.dropped[LATE], made.dropped[ALIKE]) == (len(tested), len(tested))


def test_exact_copies_are_in_it_once(lake, cut):
    posts = [post(number) for number in range(40)]
    put(lake, [*posts, post(50, text=invented(1)), post(51, text=invented(1))], [judgement("post-0")])
    made = cut(lake)
    assert made.dropped[COPIES] == 2
    assert sum(row["text"] == invented(1) for row in rows_of(made).values()) == 1


def test_an_author_and_near_duplicates_lie_in_one_split(lake, cut):
    posts = [post(number, author_id=f"author-{number // 4}") for number in range(400)]
    echoes = [post(500 + number, text=invented(number) + " indeed") for number in range(0, 400, 9)]
    put(lake, posts + echoes, [judgement("post-0")])
    found = rows_of(cut(lake))
    for key in ("author_id", "cluster"):
        splits = {}
        for row in found.values():
            splits.setdefault(row[key], set()).add(row["split"])
        assert all(len(there) == 1 for there in splits.values())
    assert any(row["split"] == "validation" for row in found.values())


@pytest.mark.parametrize("judged_table", [True, False])
def test_a_lake_that_nobody_judged_is_cut_as_if_all_were(lake, tmp_path, judged_table):
    posts = [post(number, created_at=START + timedelta(hours=number)) for number in range(200)]
    lake.posts.append([pa.RecordBatch.from_pylist(posts, schema=POSTS)])
    if judged_table:
        lake.judgements.create()
    made = cut_corpus(lake, pin_posts(lake), POLICIES, 0, tmp_path / "work")
    assert 10 < made.dropped[LATE] < 50
    assert sum(made.counts.values()) == 200 - made.dropped[LATE]


def test_the_same_posts_give_the_same_corpus_and_it_is_written_once(lake, tmp_path, cut):
    put_platform(lake, 100)
    other = Lake(str(tmp_path / "another"))
    put_platform(other, 100)
    first, second = cut(lake), cut(lake)
    assert (first.reused, second.reused) == (False, True)
    assert first.id == second.id == cut(other).id
    assert cut(lake, seed=1).id != first.id


def test_what_it_was_cut_from_is_kept(lake, cut):
    put_platform(lake, 60)
    made, versions = cut(lake), pin_posts(lake)
    put(lake, [post(999)], [])
    assert lake.posts.open(f"corpus-{made.id}").version == versions["posts"]
    assert cut(lake, **versions).id == made.id


def test_an_empty_lake_says_what_to_do(lake):
    with pytest.raises(
        EmptyLakeError, match=r"holds no posts; bring some with `moderato ingest SOURCE PATH`"
    ):
        pin_posts(lake)
    lake.posts.create()
    with pytest.raises(EmptyLakeError, match="holds no posts"):
        pin_posts(lake)
