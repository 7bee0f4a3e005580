from __future__ import annotations

import json
import subprocess
import sys

import pytest

from flows.cli import app
from infra.lake import Lake
from infra.simulator import SimulationError, truth_table


def run(*arguments: str) -> None:
    app(["simulate", *arguments], result_action="return_value")


def test_json_is_one_object_that_says_what_was_written(lake: Lake, capsys: pytest.CaptureFixture[str]):
    run("--posts", "40", "--weeks", "2", "--seed", "1", "--json")
    captured = capsys.readouterr()
    done = json.loads(captured.out)
    assert (done["posts"], done["weeks"]) == (40, [1, 2])
    assert done["judgements"] == lake.judgements.open().count_rows()
    assert done["truth"] == truth_table(lake).uri
    assert done["seconds"] > 0
    assert captured.err == ""


def test_a_later_week_arrives_beside_the_first(lake: Lake, capsys: pytest.CaptureFixture[str]):
    run("--posts", "30", "--weeks", "1")
    run("--posts", "20", "--weeks", "1", "--start-week", "5")
    assert lake.posts.open().count_rows() == 50
    out = capsys.readouterr().out
    assert "30 posts" in out
    assert "week 5 in" in out


def test_impossible_numbers_are_refused():
    with pytest.raises(SimulationError, match="--posts is 0"):
        run("--posts", "0")


@pytest.mark.slow
def test_the_command_says_it_in_one_line_and_exits_with_2():
    command = [sys.executable, "-m", "flows.cli", "simulate", "--weeks", "-1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "moderato: --weeks is -1; a platform needs at least 1 week\n"
