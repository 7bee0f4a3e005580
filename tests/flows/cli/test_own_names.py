"""A folder of the user's own with our names in it: the command works there, and so do the processes that it starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.cli import SAFE_PATH, main

ROOT = Path(__file__).parents[3]
INSTALLED = f"import sys; sys.path.append({str(ROOT)!r})"  # as an installation puts it, behind the folder


@pytest.fixture
def taken(tmp_path):
    """Somebody's project, with modules that are called as our packages are."""
    folder = tmp_path / "mine"
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "__init__.py").write_text("raise SystemExit('this is my own models')\n")
    for name in ("tasks", "infra", "flows", "expectations"):
        (folder / f"{name}.py").write_text(f"raise SystemExit('this is my own {name}')\n")
    return folder


def test_the_command_does_not_look_into_the_folder_that_it_is_called_in(taken):
    """As pip writes it: a script's own folder comes first on the path, never the current one."""
    script = taken.parent / "bin" / "moderato"
    script.parent.mkdir()
    script.write_text(f"{INSTALLED}\nfrom flows.cli import main\nmain()\n")
    done = subprocess.run(
        [sys.executable, script, "settings"], cwd=taken, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "MODERATO_HOME" in done.stdout


def test_neither_do_the_processes_that_it_starts(taken, command, monkeypatch):
    """`moderato up` starts services with python -m, which would put the current folder first."""
    monkeypatch.delenv(SAFE_PATH, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    service = [sys.executable, "-m", "flows.cli", "--version"]
    before = subprocess.run(service, cwd=taken, capture_output=True, text=True, check=False)
    assert "this is my own flows" in before.stderr  # what would happen
    assert command("settings")[0] == 0
    assert os.environ[SAFE_PATH] == "1"
    done = subprocess.run(service, cwd=taken, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_whoever_wants_the_folder_on_the_path_says_so(monkeypatch):
    monkeypatch.setenv(SAFE_PATH, "")
    with pytest.raises(SystemExit):
        main(["nope"])
    assert os.environ[SAFE_PATH] == ""
