"""A search as a user runs it: the command, its child runs, and that it goes on where it was killed."""

import json
import subprocess
import sys
import time

import pytest

from flows.form import Bounds, Data, Training, Values, searchable
from infra.lake import open_lake
from infra.registry import Registry, last_runs
from infra.registry.runs import PARENT, SEARCH
from infra.settings import Settings
from infra.simulator import simulate
from models.domain.errors import UserError
from tasks.training.budget import Budget

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]
COMMAND = [sys.executable, "-m", "flows.cli", "search", "--json"]
SMALL = "trial,modalities=text,ngram_bits=0,width=16,vocabulary=500,minimum_steps=20"
ASKED = ["--preset", SMALL, "--over", "learning_rate=1e-6,2e-3,1e-2", "--over", "dropout=0,0.3"]


@pytest.fixture(scope="module")
def home(tmp_path_factory, prefect_server):
    """A home with a simulated platform in its lake, which the commands of this file share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODERATO_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("MODERATO_PREFECT_API_URL", prefect_server)
        settings = Settings(_env_file=None)
        simulate(open_lake(settings), posts=2000, weeks=4, seed=1)
    return settings


@pytest.fixture(autouse=True)
def _at_home(home, monkeypatch, prefect_server):
    monkeypatch.setenv("MODERATO_HOME", str(home.home))
    monkeypatch.setenv("MODERATO_PREFECT_API_URL", prefect_server)
    monkeypatch.setenv("MODERATO_THREADS", "1")


def search(*arguments, code=0):
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr


def test_killed_in_a_trial_it_goes_on_and_every_trial_is_a_child_run(home):
    running = subprocess.Popen(
        [*COMMAND, *ASKED, "--trials", "3"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    while not list(home.work.glob("searches/*/trial-1/checkpoints/last.ckpt")):
        assert running.poll() is None, running.communicate()
        time.sleep(0.01)
    running.kill()
    running.communicate()
    found = search(*ASKED, "--trials", "3")
    assert found["ended"] == "as many trials as asked for"
    assert [trial["number"] for trial in found["trials"]] == [0, 1, 2]
    assert len({trial["changes"] for trial in found["trials"]}) == 3
    assert found["preset"].startswith(f"{SMALL},learning_rate=")
    assert found["score"] == max(trial["score"] for trial in found["trials"] if trial["state"] == "complete")
    registry = Registry(home)
    parent = registry.client.get_run(found["run_id"])
    again = f"tags.`{SEARCH}` = '{parent.data.tags[SEARCH]}'"
    assert len(registry.client.search_runs([registry.experiment_id], filter_string=again)) == 1
    assert parent.info.status == "FINISHED"
    assert f"moderato retrain --preset {found['preset']}" in parent.data.tags["mlflow.note.content"]
    children = registry.client.search_runs(
        [registry.experiment_id], filter_string=f"tags.`{PARENT}` = '{parent.info.run_id}'"
    )
    by_name = {run.info.run_name: run for run in children}
    assert set(by_name) == {"trial 0", "trial 1", "trial 2"}
    for trial in found["trials"]:
        run = by_name[f"trial {trial['number']}"]
        assert set(run.data.params) == {"learning_rate", "dropout"}
        assert run.data.metrics["score"] == trial["score"]
        assert run.data.metrics["steps"] == trial["steps"] > 0
        assert run.data.tags["moderato.trial"] == trial["state"]
    assert registry.versions() == []
    assert last_runs(registry, 5) == []


def test_out_of_its_budget_it_ends_within_a_trial_and_says_so(home):
    found = search(*ASKED, "--seed", "5", "--minutes", "0.0001")
    assert found["ended"] == "out of its budget"
    assert [trial["state"] for trial in found["trials"]] == ["stopped"]
    assert found["trials"][0]["steps"] < 20


@pytest.mark.parametrize(
    ("values", "bounds", "said"),
    [
        (["pace=1..2"], {}, "preset compact has no field 'pace' to search over"),
        (["dropout=0.5..0.1"], {}, "the range '0.5..0.1' of dropout is empty"),
        (["dropout=0,0.1"], {"money": 5}, "MODERATO_DEVICE_HOUR_PRICE is 0"),
        (["dropout=0,0.1"], {"minutes": 0}, "a search needs a bound"),
    ],
)
def test_what_cannot_be_searched_is_said_before_any_work(values, bounds, said):
    with pytest.raises(UserError) as told:
        searchable(Data(), Training(), Values(over=values), Bounds(**bounds))
    assert said in str(told.value)


def test_the_tighter_of_two_bounds_counts_and_money_is_time_at_a_devices_price():
    assert Budget(minutes=30, money=2).seconds(price=8) == 900
    assert Budget(minutes=10, money=2).seconds(price=8) == 600
    assert Budget(minutes=0, trials=3).seconds(price=8) == float("inf")
