from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from infra.lake import Lake
from infra.simulator import SimulationError, read_truth, simulate, truth_table
from infra.simulator.platform import Platform

POSTS = 700


def written(lake: Lake) -> dict[str, pa.Table]:
    tables = {"posts": lake.posts, "judgements": lake.judgements, "truth": truth_table(lake)}
    return {name: table.open().to_table() for name, table in tables.items()}


def by_post(table: pa.Table) -> pa.Table:
    keys = [name for name in ("post_id", "policy", "moderator_id") if name in table.column_names]
    return table.sort_by([(key, "ascending") for key in keys])


def test_the_same_seed_writes_identical_tables(tmp_path: Path):
    lakes = [Lake(str(tmp_path / name)) for name in ("one", "two")]
    for lake in lakes:
        simulate(lake, posts=POSTS, weeks=2, seed=3)
    assert written(lakes[0]) == written(lakes[1])


def test_another_seed_writes_another_platform(tmp_path: Path):
    lakes = [Lake(str(tmp_path / name)) for name in ("one", "two")]
    for seed, lake in enumerate(lakes):
        simulate(lake, posts=POSTS, weeks=1, seed=seed)
    texts = [set(written(lake)["posts"]["text"].to_pylist()) - {None} for lake in lakes]
    assert not texts[0] & texts[1]


def test_simulating_again_changes_nothing(lake: Lake):
    first = simulate(lake, posts=POSTS, weeks=2, seed=3)
    before = written(lake)
    again = simulate(lake, posts=POSTS, weeks=2, seed=3)
    assert (again.posts, again.judgements) == (first.posts, first.judgements)
    after = written(lake)
    for name, table in before.items():
        assert by_post(after[name]) == by_post(table)


def test_a_week_is_the_same_alone_and_with_others(tmp_path: Path):
    together, apart = Lake(str(tmp_path / "together")), Lake(str(tmp_path / "apart"))
    simulate(together, posts=POSTS, weeks=2, seed=3)
    for week in (1, 2):
        simulate(apart, posts=POSTS // 2, weeks=1, start_week=week, seed=3)
    assert written(together) == written(apart)


def test_fewer_posts_of_a_week_are_a_prefix_of_more(tmp_path: Path):
    few, many = Lake(str(tmp_path / "few")), Lake(str(tmp_path / "many"))
    simulate(few, posts=300, weeks=1, seed=3)
    simulate(many, posts=2300, weeks=1, seed=3)
    assert written(many)["posts"].slice(0, 300) == written(few)["posts"]
    judged = written(few)["judgements"]
    assert written(many)["judgements"].slice(0, judged.num_rows) == judged


def test_what_is_reported_is_what_was_written(lake: Lake):
    heard: list[int] = []
    done = simulate(lake, posts=2101, weeks=3, seed=0, on_posts=heard.append)
    assert done.posts == sum(heard) == lake.posts.open().count_rows() == 2101
    assert done.judgements == lake.judgements.open().count_rows()
    assert done.weeks == (1, 2, 3)
    assert done.truth == truth_table(lake).uri


def test_the_truth_of_a_post_that_was_never_simulated_is_an_error(lake: Lake):
    simulate(lake, posts=10, weeks=1, seed=0)
    with pytest.raises(KeyError, match="no simulation wrote 1 of the posts"):
        read_truth(lake, ["elsewhere-1"], ["hate_speech"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"posts": 0}, "--posts is 0; a platform needs at least 1 post"),
        ({"weeks": -1}, "--weeks is -1; a platform needs at least 1 week"),
        ({"seed": -1}, "--seed is -1; choose 0 or more"),
        ({"start_week": 0}, "--start-week 0 and --weeks 1 end in week 0; choose weeks from 1 to 52"),
        ({"weeks": 53}, "--start-week 1 and --weeks 53 end in week 53; choose weeks from 1 to 52"),
        ({"described": -1}, "--drift is 0.06, --wave 0.8 and --described -1; choose shares from 0 to 1"),
        ({"wave": 1.5}, "--drift is 0.06, --wave 1.5 and --described 0.0; choose shares from 0 to 1"),
    ],
)
def test_impossible_platforms_are_refused_in_one_line(lake: Lake, wrong: dict[str, float], message: str):
    with pytest.raises(SimulationError) as refusal:
        simulate(lake, **({"posts": 10, "weeks": 1, "seed": 0} | wrong))
    assert str(refusal.value) == message
    assert not lake.posts.exists()


def test_a_run_cut_short_is_completed_without_duplicates(lake: Lake):
    platform = Platform(seed=3)
    lake.posts.append([platform.block(1, 0, 200).posts])
    done = simulate(lake, posts=POSTS, weeks=1, seed=3)
    tables = written(lake)
    assert len(set(tables["posts"]["post_id"].to_pylist())) == tables["posts"].num_rows == done.posts
    assert tables["truth"].num_rows == done.posts
    assert tables["judgements"].num_rows == done.judgements
