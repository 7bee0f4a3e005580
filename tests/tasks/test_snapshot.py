from datetime import UTC, datetime, timedelta

import pytest
from lake_rows import judgement, post, put, put_platform

from infra.lake import open_lake
from infra.lake.table import NoSuchVersionError
from models.catalogue import UnknownEntryError
from tasks.snapshot import cut, pin


def test_two_empty_homes_give_the_same_snapshot(settings, tmp_path):
    other = settings.model_copy(update={"home": tmp_path / "other"})
    made = []
    for home in (settings, other):
        put_platform(open_lake(home), 100)
        made.append(cut.fn(home, pin.fn(home), "community_guidelines", 0))
    assert made[0].id == made[1].id
    assert made[0].counts == made[1].counts
    assert made[0].uri != made[1].uri


def test_as_of_pins_what_was_committed_by_then(settings):
    lake = open_lake(settings)
    put_platform(lake, 60)
    then = datetime.now(UTC)
    put(lake, [post(999)], [judgement("post-999")])
    now, before = pin.fn(settings), pin.fn(settings, then)
    assert before.posts < now.posts
    ids = [cut.fn(settings, versions, "community_guidelines", 0).id for versions in (before, now)]
    assert ids[0] != ids[1]


def test_as_of_a_time_before_the_lake_is_an_error(settings):
    put_platform(open_lake(settings), 20)
    with pytest.raises(NoSuchVersionError, match="holds nothing as of"):
        pin.fn(settings, datetime.now(UTC) - timedelta(days=1))


def test_an_unknown_policy_set_lists_the_choices(settings):
    put_platform(open_lake(settings), 20)
    with pytest.raises(UnknownEntryError, match=r"choose one of: .*community_guidelines"):
        cut.fn(settings, pin.fn(settings), "house_rules", 0)


def test_nothing_is_left_in_the_workspace(settings):
    put_platform(open_lake(settings), 60)
    cut.fn(settings, pin.fn(settings), "community_guidelines", 0)
    assert not list((settings.work / "snapshots").iterdir())
