"""What `make bench` makes of benches that meet their aims, miss them, crash or lack something."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import environment
from tests.benchmarks.frame import Aim, Figure, Table, at_least, at_most, between, shown
from tests.benchmarks.page import filled, published
from tests.benchmarks.results import Result, Results

ROOT = Path(__file__).parents[2]
HEAD = '''"""One that {what}."""
import os, time
from tests.benchmarks.frame import Bench, Figure, SkippedError, Table, at_most
TIME = Figure(name="a thing", beside="its peer", aim=at_most(3))
MEMORY = Figure(name="its memory", beside="a limit", aim=at_most(200), unit="MB")
def measure(folder):
'''
ENDS = "\nBENCH = Bench(figures=(TIME, MEMORY), measure=measure, seeds='7', limit_seconds={limit})\n"
BENCHES = {
    "meets": "    yield TIME.seen(2.5, '5 s beside 2 s')\n    yield MEMORY.seen(200)\n"
    "    yield Table(columns=('size', 'seconds'), rows=(('10', '5'),))",
    "misses": "    yield TIME.seen(3.01)\n    yield MEMORY.seen(100)",
    "crashes": "    yield TIME.seen(1)\n    raise RuntimeError('the peer does not start')",
    "killed": "    yield TIME.seen(1)\n    os.kill(os.getpid(), 9)",
    "forgets": "    yield TIME.seen(1)",
    "strays": "    yield Figure(name='another', beside='', aim=at_most(1)).seen(1)",
    "divides": "    yield TIME.seen(float('nan'))",
    "hangs": "    yield TIME.seen(1)\n    time.sleep(600)",
    "lacks": "    raise SkippedError('needs a GPU')\n    yield",
}


def write_benches(folder):
    for name, body in BENCHES.items():
        limit = 3 if name == "hangs" else 60
        (folder / f"{name}.py").write_text(HEAD.format(what=name) + body + ENDS.format(limit=limit))
    (folder / "broken.py").write_text("BENCH = 3")
    return folder


@pytest.fixture
def folder(tmp_path):
    return write_benches(tmp_path)


def command(folder, *what):
    words = ["-m", "tests.benchmarks", *what, "--benches", str(folder), "--json", str(folder / "out.json")]
    return [sys.executable, *words]


def bench(folder, *what):
    return subprocess.run(command(folder, *what), cwd=ROOT, capture_output=True, text=True, check=False)


def written(folder):
    return json.loads((folder / "out.json").read_text())["benches"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One run of all benches: what it printed, and what it wrote."""
    folder = write_benches(tmp_path_factory.mktemp("benches"))
    return bench(folder), written(folder)


def row(done, name):
    """The bench's last line in the closing table."""
    return [
        line for line in done.stdout.rpartition("figure, beside")[2].splitlines() if line.startswith(name)
    ][-1]


def test_aims_that_are_met_end_well_and_what_a_machine_lacks_is_said(folder):
    done = bench(folder, "meets,lacks")
    assert done.returncode == 0, done.stderr
    assert "2 aims met, 0 missed; of 2 benches 0 crashed, 1 skipped" in done.stdout
    assert "skipped  needs a GPU" in row(done, "lacks")
    assert set(written(folder)) == {"meets", "lacks"}


def test_what_was_seen_is_written_with_its_aim_verdict_and_origin(whole):
    found = whole[1]["meets"]
    assert [(it["value"], it["verdict"]) for it in found["seen"]] == [(2.5, "met"), (200, "met")]
    assert found["seen"][0]["figure"]["aim"] == {"at_least": None, "at_most": 3}
    assert found["seen"][0]["note"] == "5 s beside 2 s"
    assert (found["outcome"], found["seeds"], found["about"]) == ("measured", "7", "One that meets")
    assert found["table"] == {"columns": ["size", "seconds"], "rows": [["10", "5"]]}
    assert "cores of" in found["machine"]
    assert found["version"]
    assert found["commit"]
    assert found["load"] >= 0


def test_an_aim_that_is_missed_fails_the_run(folder):
    done = bench(folder, "misses")
    assert done.returncode == 1
    assert "1 aims met, 1 missed" in done.stdout
    assert [it["verdict"] for it in written(folder)["misses"]["seen"]] == ["missed", "met"]


def test_a_crash_alone_fails_the_run(folder):
    assert bench(folder, "crashes").returncode == 1


@pytest.mark.parametrize(
    ("name", "reason", "first"),
    [
        ("crashes", "RuntimeError: the peer does not start", 1),
        ("killed", "ended by SIGKILL", 1),
        ("forgets", "never looked at: its memory", 1),
        ("strays", "ValueError: 'another' is none of the bench's figures: 'a thing', 'its memory'", None),
        ("divides", "ValueError: a thing: nan is no figure; nothing was measured", None),
        ("hangs", "not done within 3 s", 1),
    ],
)
def test_a_crash_is_said_keeps_what_was_seen_and_not_the_others_from_running(whole, name, reason, first):
    done, found = whole
    assert (found[name]["outcome"], found[name]["reason"]) == ("crashed", reason)
    assert found[name]["seen"][0]["value"] == first
    assert reason in row(done, name)
    assert found["meets"]["outcome"] == "measured"


def test_a_file_that_announces_no_bench_counts_as_crashed(whole):
    assert "must announce BENCH, a Bench; it has 3" in whole[1]["broken"]["reason"]
    assert "of 10 benches 7 crashed, 1 skipped" in whole[0].stdout


def test_a_bench_has_a_home_of_its_own_and_asks_no_server_of_the_shell(monkeypatch, tmp_path):
    for name in ("MODERATO_HOME", "MODERATO_STORE", "MLFLOW_TRACKING_URI", "PREFECT_API_URL"):
        monkeypatch.setenv(name, "http://a-server-in-use")
    given = environment(tmp_path)
    assert given["MODERATO_HOME"] == str(tmp_path / "home")
    assert "http://a-server-in-use" not in given.values()


def test_a_name_that_is_none_lists_the_choices(folder):
    done = bench(folder, "meet")
    assert done.returncode == 2
    assert "no bench called 'meet'; did you mean 'meets'? choose one of: broken, crashes" in done.stderr


def test_a_file_of_figures_that_is_none_is_not_overwritten(folder):
    (folder / "out.json").write_text("{")
    done = bench(folder, "meets")
    assert done.returncode == 2
    assert "remove or restore it" in done.stderr
    assert (folder / "out.json").read_text() == "{"


def test_an_interrupt_leaves_no_process_and_keeps_the_figures_before(folder):
    (folder / "nests.py").write_text(
        HEAD.format(what="nests")
        + "    import subprocess, sys, pathlib\n"
        + "    child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        + f"    pathlib.Path({str(folder / 'pid')!r}).write_text(str(child.pid))\n    time.sleep(600)\n    yield"
        + ENDS.format(limit=600)
    )
    process = subprocess.Popen(command(folder, "meets,nests"), cwd=ROOT, stderr=subprocess.DEVNULL)
    while not (folder / "pid").exists() or not (folder / "pid").read_text():
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert set(written(folder)) == {"meets"}
    child = Path(f"/proc/{(folder / 'pid').read_text()}/stat")
    assert not child.exists() or child.read_text().split()[2] == "Z"


@pytest.mark.parametrize(
    ("aim", "met", "missed", "words"),
    [
        (at_least(0.95), 0.95, 0.949, "at least 0.95"),
        (at_most(3), 3, 3.01, "at most 3"),
        (between(0.8, 1.2), 0.8, 1.21, "0.8 to 1.2"),
    ],
)
def test_a_bound_itself_meets_its_aim(aim: Aim, met, missed, words):
    assert aim.met(met)
    assert not aim.met(missed)
    assert aim.shown("times") == words


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [(1.637, "times", "1.64"), (0.0145, "share", "1.45 %"), (1913.4, "requests/s", "1,913 requests/s")],
)
def test_a_value_is_shown_with_its_unit(value, unit, words):
    assert shown(value, unit) == words


def result(value, **more):
    figure = Figure(name="a thing", beside="its peer", aim=at_most(3))
    about = {
        "outcome": "measured",
        "reason": "",
        "about": "Things.",
        "machine": "2 cores",
        "at": "2026-11-27",
    }
    return Result.model_validate(
        about | {"seen": [figure.seen(value, "5 s")], "version": "1", "commit": "abc"} | more
    )


def test_a_page_shows_each_figure_with_its_verdict_and_where_it_was_seen():
    page = "# Figures\n\n<!-- figures -->\nold\n<!-- end -->\nprose\n<!-- table of meets -->\n<!-- end -->\n"
    shown = filled(page, Results(benches={"meets": result(2.5), "misses": result(3.5)}))
    assert "| `meets` | a thing | its peer | 2.5 (5 s) | at most 3 | met |" in shown
    assert "| `misses` | a thing | its peer | 3.5 (5 s) | at most 3 | **missed** |" in shown
    assert "- 2 cores, 2026-11-27, 1 at abc: `meets`, `misses`" in shown
    assert "prose\n<!-- table of meets -->\n`make bench WHAT=meets` has not filled" in shown
    assert "old" not in shown


def test_a_page_says_where_others_kept_the_machine_busy():
    shown = filled("<!-- figures -->\n<!-- end -->\n", Results(benches={"meets": result(2.5, load=1.75)}))
    assert "- 2 cores, 2026-11-27, 1 at abc, while others kept 1.8 processes busy: `meets`" in shown


def test_a_cell_of_a_table_stays_one():
    table = Table(columns=("a", "b"), rows=(("x | y", "two\nlines"),))
    assert table.markdown() == "| a | b |\n|---|---|\n| x \\| y | two lines |"


def test_a_bench_that_was_skipped_here_leaves_what_was_seen_elsewhere():
    before = Results(benches={"gpu": result(2.5)})
    skipped = result(1, outcome="skipped", seen=[], reason="needs a GPU")
    after = published(Results(benches={"gpu": skipped, "new": skipped}), before)
    assert after.benches["gpu"] == before.benches["gpu"]
    assert after.benches["new"].reason == "needs a GPU"
