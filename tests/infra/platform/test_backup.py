"""A backup put back elsewhere serves without the home that it was made of."""

import itertools
import shutil
import threading

import pytest
from tiny_model import make_candidate, make_champion

from infra.home import Standing, held
from infra.lake import open_lake
from infra.platform.backup import back_up
from infra.platform.manifest import ABOUT, BackupError
from infra.platform.restore import restore
from infra.registry import Registry
from infra.settings import Settings
from infra.simulator import simulate
from models.bundle.bundle import Bundle
from tasks.release.evaluate import evaluate
from tasks.release.register import register


@pytest.fixture
def home(settings):
    make_champion(settings)
    simulate(open_lake(settings), posts=50, weeks=1, seed=1)
    return settings


@pytest.fixture
def elsewhere(tmp_path):
    return Settings(home=tmp_path / "elsewhere", _env_file=None)


def test_what_is_put_back_needs_nothing_of_the_old_home(home, elsewhere, tmp_path):
    posts = open_lake(home).posts.open().count_rows()
    found = back_up(home, tmp_path / "backup")
    assert {"lake", "mlflow.db", "mlflow-artifacts"} <= set(found.bytes)
    shutil.rmtree(home.home)
    assert restore(elsewhere, tmp_path / "backup") == found
    assert open_lake(elsewhere).posts.open().count_rows() == posts
    registry = Registry(elsewhere)
    assert Bundle.load(registry.fetch(registry.champion())).policies


def test_it_is_whole_although_the_platform_goes_on_writing(home, elsewhere, tmp_path):
    stop = threading.Event()
    writer = threading.Thread(target=write_on, args=(home, stop))
    writer.start()
    try:
        back_up(home, tmp_path / "backup")
    finally:
        stop.set()
        writer.join()
    restore(elsewhere, tmp_path / "backup")
    posts = open_lake(elsewhere).posts.open()
    assert posts.to_table(columns=["post_id"]).num_rows == posts.count_rows() >= 50
    registry = Registry(elsewhere)
    for version in registry.versions():
        assert Bundle.load(registry.fetch(version)).policies


def write_on(settings, stop):
    """A week of posts and a registered version, and again."""
    for number in itertools.count(2):
        simulate(open_lake(settings), posts=20, weeks=1, seed=1, start_week=number)
        candidate = make_candidate(settings, seed=number, posts=400)
        register.fn(settings, candidate, evaluate.fn(settings, candidate, None))
        if stop.is_set():
            return


def test_a_folder_that_is_not_empty_is_left_alone(home, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    with pytest.raises(BackupError, match="is not empty; name an empty or a new folder"):
        back_up(home, tmp_path / "full")


def test_a_home_that_holds_something_is_never_written_over(home, tmp_path):
    back_up(home, tmp_path / "backup")
    with pytest.raises(BackupError, match=r"already holds lake, mlflow-artifacts"):
        restore(home, tmp_path / "backup")


def test_a_backup_that_was_cut_short_is_none(home, elsewhere, tmp_path):
    back_up(home, tmp_path / "backup")
    (tmp_path / "backup" / ABOUT).unlink()
    with pytest.raises(BackupError, match="holds no whole backup"):
        restore(elsewhere, tmp_path / "backup")


def test_nothing_is_put_back_under_a_platform_that_runs(home, elsewhere, tmp_path):
    back_up(home, tmp_path / "backup")
    elsewhere.home.mkdir()
    with (
        held(elsewhere.home, Standing.at("127.0.0.1", 1, 2, 3)),
        pytest.raises(BackupError, match="stop it first"),
    ):
        restore(elsewhere, tmp_path / "backup")
