from datetime import UTC, datetime, timedelta

import lance
import pytest
from lake_rows import judgement, post, put, put_platform
from prefect import flow

from infra.lake import open_lake
from infra.lake.table import NoSuchVersionError
from models.data.snapshot import header
from models.domain.catalogue import UnknownEntryError
from models.policies import POLICY_SETS
from tasks.data.policy_set import EditedPolicySetError
from tasks.data.snapshot import Snapshot, cut, pin
from tasks.plumbing.results import RESULTS
from tasks.training.validate import inspect


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


def test_a_snapshot_says_by_which_content_of_the_policy_set_it_was_cut(settings):
    put_platform(open_lake(settings), 60)
    made = cut.fn(settings, pin.fn(settings), "community_guidelines", 0)
    said = header(lance.dataset(made.uri))
    assert made.policy_digest == said["policy_digest"] == POLICY_SETS["community_guidelines"].digest


@pytest.fixture
def edited(project):
    """Edits the project's policy set."""
    path = project.folder / "policies" / "guidelines.toml"
    return lambda: path.write_text(path.read_text().replace("severity = 4", "severity = 5", 1))


def test_a_set_that_was_edited_while_a_run_was_under_way_is_refused(settings, edited):
    put_platform(open_lake(settings), 60)
    versions = pin.fn(settings, None, "guidelines")
    snapshot = cut.fn(settings, versions, "guidelines", 0)
    edited()
    with pytest.raises(
        EditedPolicySetError, match="the policy set guidelines was edited while the run was under way"
    ):
        cut.fn(settings, versions, "guidelines", 0)
    with pytest.raises(EditedPolicySetError, match="start the run again"):
        inspect(settings, snapshot)


def test_steps_of_before_that_say_no_digest_go_on(settings):
    put_platform(open_lake(settings), 60)
    made = cut.fn(settings, pin.fn(settings), "community_guidelines", 0)
    before = Snapshot.model_validate(made.model_dump(exclude={"policy_digest"}))
    assert before.policy_digest == ""
    assert inspect(settings, before).success


@pytest.mark.usefixtures("prefect_server")
def test_an_edited_set_is_cut_anew_though_its_name_is_the_same(settings, edited):
    put_platform(open_lake(settings), 60)

    @flow(result_serializer=RESULTS)
    def run() -> Snapshot:
        return cut(settings, pin(settings, None, "guidelines"), "guidelines", 0)

    first, again = run(), run()
    edited()
    assert first.id == again.id != run().id
