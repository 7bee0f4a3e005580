"""A search on a small snapshot: what it finds, what it remembers, when it stops."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from models.training.fit import attempt
from models.training.presets import job_on
from models.training.search import SearchFailedError, Study
from models.training.search_space import space
from tests.support.made_up_snapshot import made_up_rows, write_snapshot

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
PRESET = (
    "compact,modalities=text,vocabulary=300,ngram_bits=0,width=16,batch_size=16,epochs=3,minimum_steps=0,"
    "averaging=0.5,checkpoint_steps=3,learning_rate=1e-6"
)
SEARCH = """
import sys
from pathlib import Path
from tests.models.training.test_search import opened, searched
searched(opened(sys.argv[1], Path(sys.argv[2])), trials=2)
"""


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return write_snapshot(tmp_path_factory.mktemp("snapshot"), made_up_rows(240))


def opened(uri, folder, over=("learning_rate=1e-6..1e-1",), preset=PRESET):
    job = job_on(uri, preset=preset, seed=1, folder=folder, threads=1)
    return Study(job, space(job.preset, over))


def fit(job, callbacks):
    attempt(job, callbacks=callbacks)


def searched(study, trials=100, seconds=600.0):
    while study.finished < trials and (trial := study.next()):
        if study.train(trial, fit, seconds - study.seconds).state == "stopped":
            break
    return study.tried()


def test_it_begins_at_the_preset_and_finds_a_better_learning_rate(uri, tmp_path):
    study = opened(uri, tmp_path / "search")
    found = searched(study, trials=4)
    assert found[0].changes == "learning_rate=1e-06"
    assert len({trial.changes for trial in found}) == 4
    assert all(0 <= trial.score <= 1 and trial.steps > 0 and trial.seconds > 0 for trial in found)
    best = study.best()
    assert best.state == "complete"
    assert best.score > found[0].score + 0.1
    assert float(best.changes.removeprefix("learning_rate=")) > 1e-4
    assert {path.name for path in (tmp_path / "search").iterdir()} == {"study.db"}


def test_listed_values_are_tried_once_each_and_what_is_behind_is_stopped_early(uri, tmp_path):
    study = opened(
        uri,
        tmp_path,
        over=("learning_rate=0.02,1e-7,1e-6",),
        preset=PRESET.replace("1e-6", "0.02").replace("batch_size=16", "batch_size=8"),
    )
    found = searched(study)
    assert found[0].changes == "learning_rate=0.02"
    assert {trial.changes for trial in found[1:]} == {"learning_rate=1e-7", "learning_rate=1e-6"}
    assert study.next() is None
    assert [trial.state for trial in found] == ["complete", "pruned", "pruned"]
    assert found[1].epochs < found[0].epochs == 3
    assert study.best() == found[0]


def test_out_of_its_budget_a_trial_is_stopped_and_goes_on_when_there_is_more(uri, tmp_path):
    study = opened(uri, tmp_path)
    trial = study.next()
    stopped = study.train(trial, fit, seconds=0.0)
    assert (stopped.state, stopped.epochs) == ("stopped", 0)
    assert 0 < stopped.steps < 5
    again = opened(uri, tmp_path)
    assert again.finished == 0
    going_on = again.next()
    assert going_on.number == trial.number
    done = again.train(going_on, fit, seconds=600.0)
    assert (done.number, done.changes, done.state) == (0, stopped.changes, "complete")
    assert done.seconds > stopped.seconds


def test_killed_it_goes_on_with_the_same_trials(uri, tmp_path):
    whole = searched(opened(uri, tmp_path / "whole"), trials=2)
    running = subprocess.Popen(
        [sys.executable, "-c", SEARCH, uri, str(tmp_path / "killed")],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    while running.poll() is None and not (tmp_path / "killed/trial-1/checkpoints/last.ckpt").exists():
        time.sleep(0.005)
    running.kill()
    errors = running.communicate()[1]
    assert running.returncode == -signal.SIGKILL, errors
    study = opened(uri, tmp_path / "killed")
    assert study.finished == 1
    found = searched(study, trials=2)
    same = {"number", "changes", "state", "score", "steps", "epochs"}
    assert [trial.model_dump(include=same) for trial in found] == [
        trial.model_dump(include=same) for trial in whole
    ]


def test_trials_that_cannot_be_trained_say_why_and_end_the_search(uri, tmp_path):
    study = opened(uri, tmp_path, over=("heads=3,5,7,11",))
    with pytest.raises(SearchFailedError, match="3 trials failed one after another, the last with heads="):
        searched(study)
    assert [trial.state for trial in study.tried()] == ["failed"] * 3
    assert all(trial.why for trial in study.tried())
