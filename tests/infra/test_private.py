"""State under a home is its owner's alone, whoever made it and whichever command."""

import os
import stat
import subprocess
import sys

import pytest
from running_platform import up
from tiny_model import make_champion

from infra.private import make_private
from infra.settings import Settings

COMMAND = [sys.executable, "-m", "flows.cli"]


def open_to_others(home, others=0o077):
    """What of a home anybody but its owner may touch."""
    found = [home, *home.rglob("*")]
    assert len(found) > 1
    return [path for path in found if not path.is_symlink() and stat.S_IMODE(path.lstat().st_mode) & others]


@pytest.fixture
def usual_umask():
    os.umask(0o022)


@pytest.mark.usefixtures("usual_umask")
def test_what_commands_make_is_their_owners_alone(settings):
    for words in (
        ("simulate", "--posts", "200"),
        ("keys", "create", "--scope", "decide", "--name", "app"),
        ("status",),
        ("doctor",),
        ("backup", str(settings.home.with_name("backup"))),
    ):
        done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert open_to_others(settings.home) == []
    assert open_to_others(settings.home.with_name("backup")) == []


FLOWS = """
import importlib, os, sys
from contextlib import suppress
from pathlib import Path
for name in ("compact", "ingest", "pretrain", "retrain", "search", "watch"):
    os.umask(0o022)
    home = Path(sys.argv[1], name)
    (home / "lake").mkdir(parents=True)
    os.environ["MODERATO_HOME"] = str(home)
    with suppress(BaseException):  # of a lake that is empty
        getattr(importlib.import_module(f"flows.{name}"), name)()
    (home / "lake" / "after").touch()
"""


@pytest.mark.slow
def test_a_flow_closes_the_home_although_its_process_began_with_no_command(tmp_path, prefect_server):
    """As a work pool's worker runs it: Prefect imports the flow, and calls it."""
    environment = {**os.environ, "PREFECT_API_URL": prefect_server, "PREFECT_LOGGING_LEVEL": "CRITICAL"}
    subprocess.run([sys.executable, "-c", FLOWS, tmp_path], check=True, env=environment, timeout=500)
    for home in tmp_path.iterdir():
        assert open_to_others(home) == [], home.name


@pytest.mark.slow
@pytest.mark.usefixtures("usual_umask")
def test_a_platform_closes_what_a_release_of_before_left_open_and_its_services_open_nothing(tmp_path):
    home = tmp_path / "home"
    make_champion(Settings(home=home, _env_file=None))
    assert open_to_others(home) != []
    with up(home):
        assert open_to_others(home) == []
        assert {"logs", "prefect", "journal", "mlflow.db"} <= {path.name for path in home.iterdir()}


@pytest.mark.usefixtures("usual_umask")
def test_links_are_not_followed_and_what_runs_still_runs(tmp_path):
    home, outside = tmp_path / "home", tmp_path / "outside"
    home.mkdir()
    outside.write_text("somebody's")
    outside.chmod(0o644)
    (home / "link").symlink_to(outside)
    (home / "tool").write_text("")
    (home / "tool").chmod(0o755)
    make_private(home)
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644
    assert stat.S_IMODE((home / "tool").stat().st_mode) == 0o700


@pytest.mark.usefixtures("usual_umask")
def test_a_home_that_a_group_shares_on_purpose_stays_its_groups(tmp_path):
    home = tmp_path / "shared"
    home.mkdir()
    home.chmod(0o2775)
    (home / "file").write_text("")
    (home / "file").chmod(0o664)
    make_private(home)
    (home / "later").write_text("")
    assert stat.S_IMODE(home.stat().st_mode) == 0o2770
    assert [stat.S_IMODE((home / name).stat().st_mode) for name in ("file", "later")] == [0o660, 0o660]
