from datetime import timedelta

import lance
import numpy as np
import pyarrow as pa
import pytest
from lake_rows import INGESTED, START, invented, judgement, post, put, put_platform

from infra.lake import Lake
from infra.snapshots import EmptyLakeError, cut_snapshot, pin_versions
from models.data.snapshot import header
from models.domain.schemas import JUDGEMENTS, SPLITS, snapshot_schema
from models.policies import POLICY_SETS

POLICIES = POLICY_SETS["community_guidelines"]
HATE = POLICIES.keys.index("hate_speech")


@pytest.fixture
def cut(tmp_path):
    def run(lake: Lake, seed: int = 0, **versions: int):
        return cut_snapshot(lake, {**pin_versions(lake), **versions}, POLICIES, seed, tmp_path / "work")

    return run


@pytest.fixture
def another_lake(tmp_path):
    return Lake(str(tmp_path / "another"))


def rows_of(made) -> dict[str, dict]:
    return {row["post_id"]: row for row in lance.dataset(made.uri).to_table().to_pylist()}


def test_rows_are_grouped_by_split_and_counted_in_the_header(lake, cut):
    put_platform(lake)
    made = cut(lake)
    dataset = lance.dataset(made.uri)
    splits = dataset.to_table(columns=["split"])["split"].to_pylist()
    assert splits == sorted(splits, key=SPLITS.index)
    assert {name: splits.count(name) for name in SPLITS} == made.counts
    assert header(dataset) == {
        "id": made.id,
        "policy_set": "community_guidelines",
        "policy_digest": POLICIES.digest,
        "policies": list(POLICIES.keys),
        "counts": made.counts,
        "seed": 0,
    }
    assert dataset.schema.remove_metadata() == snapshot_schema(POLICIES.keys)


def test_contents_arrive_unchanged(lake, cut):
    posts = [post(number, image=bytes([number]) * 50, views=number) for number in range(30)]
    put(lake, posts, [judgement(row["post_id"]) for row in posts])
    found = rows_of(cut(lake))
    for row in posts:
        assert {name: found[row["post_id"]][name] for name in ("author_id", "text", "image", "views")} == {
            name: row[name] for name in ("author_id", "text", "image", "views")
        }


def test_two_lakes_with_the_same_rows_give_the_same_id(lake, another_lake, cut):
    posts = [post(number, author_id=f"author-{number // 3}") for number in range(60)]
    judged = [judgement(row["post_id"], violates=place % 3 == 0) for place, row in enumerate(posts)]
    put(lake, posts, judged)
    later = INGESTED + timedelta(days=9)
    put(another_lake, reversed([{**row, "ingested_at": later} for row in posts]), reversed(judged))
    assert cut(lake).id == cut(another_lake).id


@pytest.mark.parametrize(
    "change",
    [{"text": "something else"}, {"author_id": "author-99"}, {"market": "DE"}, {"views": 1}, {"image": b"i"}],
)
def test_another_field_gives_another_id(lake, another_lake, cut, change):
    posts = [post(number) for number in range(30)]
    judged = [judgement(row["post_id"]) for row in posts]
    put(lake, posts, judged)
    put(another_lake, [{**posts[0], **change}, *posts[1:]], judged)
    assert cut(lake).id != cut(another_lake).id


def test_another_seed_or_judgement_gives_another_id(lake, cut):
    put_platform(lake, 60)
    first = cut(lake)
    assert cut(lake, seed=1).id != first.id
    put(lake, [], [judgement("post-3", moderator_id="moderator-2", violates=True)])
    assert cut(lake).id != first.id


def test_a_snapshot_that_is_there_is_used_again(lake, cut):
    put_platform(lake, 60)
    first, second = cut(lake), cut(lake)
    assert (first.reused, second.reused) == (False, True)
    assert first.id == second.id
    assert lance.dataset(second.uri).version == lance.dataset(first.uri).version


def test_the_lake_as_it_was_gives_the_snapshot_as_it_was(lake, cut):
    put_platform(lake, 60)
    first, versions = cut(lake), pin_versions(lake)
    put(lake, [post(999)], [judgement("post-999", violates=True)])
    assert cut(lake, **versions).id == first.id
    assert cut(lake).id != first.id


def test_versions_are_pinned_by_time(lake):
    put_platform(lake, 20)
    then = lake.judgements.open().versions()[-1]["timestamp"].astimezone()
    before = pin_versions(lake)
    put(lake, [post(999)], [judgement("post-999")])
    assert pin_versions(lake, then) == before
    assert pin_versions(lake) != before


def test_what_a_snapshot_was_cut_from_is_tagged(lake, cut):
    put_platform(lake, 60)
    made, versions = cut(lake), pin_versions(lake)
    tag = f"snapshot-{made.id}"
    assert lake.posts.open(tag).version == versions["posts"]
    assert lake.judgements.open(tag).version == versions["judgements"]
    assert lance.dataset(made.uri, version=tag).count_rows() == sum(made.counts.values())


def test_copies_become_one_post_with_the_judgements_of_all(lake, cut):
    text, posts = invented(500), [post(number) for number in range(30)]
    copies = [post(number, text=text, created_at=START + timedelta(days=number)) for number in (41, 40, 42)]
    judged = [judgement(row["post_id"]) for row in posts]
    votes = [judgement("post-41", violates=True), judgement("post-42", moderator_id="moderator-2")]
    put(lake, posts + copies, judged + votes)
    made = cut(lake)
    found = rows_of(made)
    assert made.dropped["has the same content as another"] == 2
    assert "post-41" not in found
    assert "post-42" not in found
    assert found["post-40"]["votes"][HATE] == 2
    assert found["post-40"]["labels"][HATE] == 0.5


def test_posts_that_nobody_judged_are_left_out_and_counted(lake, cut):
    posts = [post(number) for number in range(30)]
    outside = judgement("post-29", policy="a_policy_of_another_set")
    put(lake, posts, [*[judgement(row["post_id"]) for row in posts[:28]], outside])
    made = cut(lake)
    assert made.dropped["has no judgement"] == 2
    assert sum(made.counts.values()) == 28


def test_a_policy_that_nobody_judged_is_unknown_not_negative(lake, cut):
    put(lake, [post(1)], [judgement("post-1", violates=True)])
    labels = rows_of(cut(lake))["post-1"]["labels"]
    assert labels[HATE] == 1
    assert np.isnan([label for place, label in enumerate(labels) if place != HATE]).all()


def vote(lake: Lake, cut, *judgements: dict) -> tuple[float, int]:
    put(lake, [post(1)], judgements)
    row = rows_of(cut(lake))["post-1"]
    return row["labels"][HATE], row["votes"][HATE]


def test_several_judges_become_one_soft_label(lake, cut):
    votes = [judgement("post-1", moderator_id=f"moderator-{n}", violates=n == 0) for n in range(4)]
    assert vote(lake, cut, *votes) == (0.25, 4)


def test_an_appeal_overrides_the_moderators_before_it_but_no_import(lake, cut):
    later = START + timedelta(days=1)
    votes = [
        judgement("post-1", violates=True),
        judgement("post-1", violates=True, moderator_id="moderator-2", decided_at=None),
        judgement("post-1", violates=True, moderator_id="moderator-3", decided_at=later + timedelta(days=1)),
        judgement("post-1", violates=True, source="import", moderator_id="annotator-1"),
        judgement("post-1", violates=False, source="appeal", moderator_id="moderator-9", decided_at=later),
    ]
    assert vote(lake, cut, *votes) == (pytest.approx(2 / 3), 3)


def test_one_judge_has_one_vote_over_copies_the_latest(lake, cut):
    posts = [post(1, text=invented(1)), post(2, text=invented(1))]
    votes = [
        judgement("post-1", violates=True),
        judgement("post-2", violates=False, decided_at=START + timedelta(days=1)),
    ]
    put(lake, posts, votes)
    row = rows_of(cut(lake)).popitem()[1]
    assert (row["labels"][HATE], row["votes"][HATE]) == (0, 1)


def test_near_duplicates_share_a_cluster_and_a_split(lake, cut):
    posts = [post(number) for number in range(100)]
    echoes = [post(200 + number, text=invented(number) + " indeed") for number in range(0, 100, 7)]
    put(lake, posts + echoes, [judgement(row["post_id"]) for row in posts + echoes])
    found = rows_of(cut(lake))
    for echo in echoes:
        first = found[f"post-{int(echo['post_id'][5:]) - 200}"]
        assert found[echo["post_id"]]["cluster"] == first["cluster"]
        assert found[echo["post_id"]]["split"] == first["split"]


def test_dated_and_undated_posts_share_a_lake(lake, cut):
    dated = [post(number, created_at=START + timedelta(hours=number)) for number in range(200)]
    undated = [post(number, author_id=None) for number in range(200, 400)]
    put(lake, dated + undated, [judgement(row["post_id"]) for row in dated + undated])
    found = rows_of(cut(lake)).values()
    test = {row["created_at"] for row in found if row["split"] == "test"}
    rest = {row["created_at"] for row in found if row["split"] != "test"}
    assert None in test
    assert min(test - {None}) > max(rest - {None})


def test_an_empty_lake_says_what_to_do(lake):
    with pytest.raises(EmptyLakeError) as error:
        pin_versions(lake)
    assert str(error.value) == (
        f"the lake {lake.uri} holds no posts; bring some with `moderato ingest SOURCE PATH` "
        "or make some up with `moderato simulate`"
    )


def test_a_lake_without_a_judgement_says_what_to_do(lake, cut):
    put(lake, [post(1)], [])
    with pytest.raises(
        EmptyLakeError, match=r"no post in the lake .* has a judgement for a policy of 'community_guid"
    ):
        cut(lake)


def test_a_withdrawn_judgement_is_none_and_a_row_of_votes_counts_as_many(lake, cut):
    posts = [post(number) for number in range(30)]
    judged = [judgement(row["post_id"]) for row in posts[2:]]
    judged += [judgement("post-0", violates=True, withdrawn=True), judgement("post-0", moderator_id="other")]
    judged += [judgement("post-1", source="import", moderator_id="", violates=True, votes=4, violating=3)]
    put(lake, posts, [*judged, judgement("post-1", violates=False)])
    found = rows_of(cut(lake))
    assert (found["post-0"]["labels"][HATE], found["post-0"]["votes"][HATE]) == (0, 1)
    assert (found["post-1"]["labels"][HATE], found["post-1"]["votes"][HATE]) == (pytest.approx(3 / 5), 5)


def test_judgements_of_a_release_without_votes_and_withdrawals_are_read(lake, another_lake, cut):
    posts = [post(number) for number in range(30)]
    judged = [judgement(row["post_id"], violates=place % 3 == 0) for place, row in enumerate(posts)]
    put(lake, posts, judged)
    put(another_lake, posts, [])
    newer = ("votes", "violating", "withdrawn")
    old = pa.schema([column for column in JUDGEMENTS if column.name not in newer])
    lance.write_dataset(pa.Table.from_pylist(judged, old), another_lake.judgements.uri, mode="overwrite")
    assert cut(lake).id == cut(another_lake).id


def test_every_post_of_the_lake_is_in_a_split_or_counted_by_why_it_is_not(lake, cut):
    put_platform(lake, 200)
    alike = [post(1000 + number, text=invented(7), author_id=f"copy-{number}") for number in range(5)]
    late = [
        post(2000 + number, author_id="author-0", created_at=START + timedelta(hours=195))
        for number in range(3)
    ]
    put(lake, [*alike, *late, post(3000)], [judgement(row["post_id"]) for row in (*alike, *late)])
    made = cut(lake)
    assert sum(made.counts.values()) + sum(made.dropped.values()) == lake.posts.open().count_rows()
    assert made.dropped["has the same content as another"] == 5
    assert made.dropped["has no judgement"] == 1
    assert made.dropped["straddles the time cut"] > 0
