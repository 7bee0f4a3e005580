"""Posts that nobody judged, drawn from the lake as the snapshot saw it."""

from datetime import timedelta

import lake_rows
from lake_rows import START, judgement, post

import infra.snapshots.unjudged as drawing
from infra.snapshots import unjudged_posts
from models.policies import POLICY_SETS

SET = POLICY_SETS["community_guidelines"]


def drawn(lake, tmp_path, seed=0, versions=None):
    versions = versions or {name: getattr(lake, name).open().version for name in ("posts", "judgements")}
    found = unjudged_posts(lake, versions, SET, seed, tmp_path)
    if found is None:
        return None
    return [row for batch in found.batches(["post_id"], 100) for row in batch["post_id"].to_pylist()]


def test_judged_posts_are_left_out_unless_their_judgements_were_withdrawn_or_are_of_other_policies(
    lake, tmp_path
):
    said = [
        judgement("post-0"),
        judgement("post-1", withdrawn=True),
        judgement("post-2", policy="other_rules"),
    ]
    lake_rows.put(lake, [post(number) for number in range(5)], said)
    assert sorted(drawn(lake, tmp_path)) == ["post-1", "post-2", "post-3", "post-4"]


def test_what_came_after_the_snapshot_is_not_drawn(lake, tmp_path):
    lake_rows.put(lake, [post(0), post(1)], [judgement("post-0")])
    pinned = {name: getattr(lake, name).open().version for name in ("posts", "judgements")}
    lake_rows.put(lake, [post(2)], [judgement("post-1")])
    assert drawn(lake, tmp_path, versions=pinned) == ["post-1"]


def test_the_latest_are_drawn_and_the_same_seed_draws_the_same(lake, tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "LATEST", 50)
    monkeypatch.setattr(drawing, "DRAWN", 20)
    posts = [post(number, created_at=START + timedelta(hours=number)) for number in range(200)]
    lake_rows.put(lake, posts, [judgement("post-199")])
    first = drawn(lake, tmp_path)
    assert len(first) == 20
    assert first == drawn(lake, tmp_path) != drawn(lake, tmp_path, seed=1)
    assert min(int(name.partition("-")[2]) for name in first) >= 149


def test_a_lake_in_which_all_is_judged_has_none(lake, tmp_path):
    lake_rows.put(lake, [post(0)], [judgement("post-0")])
    assert drawn(lake, tmp_path) is None


def test_a_lake_without_posts_has_none(lake, tmp_path):
    assert unjudged_posts(lake, {"posts": 1, "judgements": 1}, SET, 0, tmp_path) is None
