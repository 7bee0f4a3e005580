"""The lifecycle as a user runs it: the command, its exit code, what the stores hold afterwards."""

import json
import shutil
import signal
import subprocess
import sys
import time

import lance
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from running_platform import runs, wait_for
from terminal import CTRL_C, terminal

from infra.lake import open_lake
from infra.registry import Registry
from infra.rollout import Store, act
from infra.settings import Settings
from infra.simulator import simulate

pytestmark = [pytest.mark.slow, pytest.mark.minutes, pytest.mark.usefixtures("prefect_server")]

POSTS = 3000
ENDS = 10.0  # seconds: four that a command has after Ctrl-C, and what a busy machine takes beside
COMMAND = [sys.executable, "-m", "flows.cli", "retrain", "--json"]
TRIAL = ["--preset", "trial,minimum_steps=60"]
SEED = ["--seed", "3"]
# of the same split: the champion has learned from posts that another one tests on
OTHER = [*SEED, "--preset", "trial,minimum_steps=61"]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """A home with a few simulated weeks in its lake, to copy."""
    home = tmp_path_factory.mktemp("simulated") / "home"
    simulate(open_lake(Settings(home=home, _env_file=None)), posts=POSTS, weeks=4, seed=1)
    return home


@pytest.fixture(scope="module")
def settled(simulated, tmp_path_factory, prefect_server):
    """A home with a champion, what the command said of it, and a copy of that home."""
    home, kept = (tmp_path_factory.mktemp(name) / "home" for name in ("settled", "kept"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODERATO_HOME", str(home))
        patch.setenv("MODERATO_PREFECT_API_URL", prefect_server)
        patch.setenv("MODERATO_THREADS", "1")
        shutil.copytree(simulated, home)
        outcome = retrain(*SEED)
        shutil.copytree(home, kept)
    return home, outcome, kept


@pytest.fixture
def first(settled, monkeypatch, prefect_server):
    """What the command said of the champion of the home that this process and its commands have: the settled one as
    it was, at the place that its stores name.
    """
    home, outcome, kept = settled
    for path in sorted(home.rglob("*"), reverse=True):  # what is in a folder before the folder
        if not (kept / path.relative_to(home)).exists():
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    # files are written over, not replaced: this process has MLflow's open
    shutil.copytree(kept, home, dirs_exist_ok=True)
    monkeypatch.setenv("MODERATO_HOME", str(home))
    monkeypatch.setenv("MODERATO_PREFECT_API_URL", prefect_server)
    return outcome


def retrain(*arguments, code=0):
    chosen = arguments if "--preset" in arguments else [*TRIAL, *arguments]
    done = subprocess.run([*COMMAND, *chosen], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr


def killed_after(lines):
    """Start a retraining, SIGKILL it when it has said so many lines; whether it was still running."""
    running = subprocess.Popen(
        [*COMMAND, *TRIAL], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    said = [running.stderr.readline() for _ in range(lines)]
    running.send_signal(signal.SIGKILL)
    said += running.communicate()
    assert running.returncode in (0, -signal.SIGKILL), said
    return running.returncode == -signal.SIGKILL


def test_another_home_with_the_same_posts_gives_the_same_snapshot_and_metrics_although_training_was_killed(
    first, tmp_path, monkeypatch
):
    monkeypatch.setenv("MODERATO_HOME", str(tmp_path / "another"))
    home = Settings()
    simulate(open_lake(home), posts=POSTS, weeks=4, seed=1)
    running = in_training(home)
    running.kill()
    running.communicate()
    second = retrain(*SEED)
    (report,) = home.work.glob("candidates/*/report.json")
    assert json.loads(report.read_text())["resumed_at"] > 0
    assert first["snapshot"] == second["snapshot"]
    assert first["metrics"] == second["metrics"]
    assert first["promoted"]
    assert second["promoted"]
    registry = Registry(home)
    assert [version.version for version in registry.versions()] == [1]
    run = registry.client.get_run(second["run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.params["preset.name"] == "trial"
    assert run.data.params["seed"] == "3"
    assert run.inputs.dataset_inputs[0].dataset.digest == second["snapshot"]["id"]
    assert run.data.metrics["macro_average_precision"] == second["metrics"]["macro_average_precision"]


def test_killed_at_every_step_it_goes_on_and_registers_once(home):
    lines = 1
    while killed_after(lines):
        lines += 3  # a step says that it began, how it ended, or both
        assert lines < 40, "the retraining never ended"
    assert lines > 9
    registry = Registry(home)
    assert [version.version for version in registry.versions()] == [1]
    assert registry.champion().version == 1
    runs = [run.info.run_name for run in registry.client.search_runs([registry.experiment_id])]
    assert len(runs) == 3
    assert {"training", "evaluation"} < set(runs)


def in_training(home):
    """A retraining that has just written its first checkpoint."""
    command = [*COMMAND, *TRIAL, *SEED]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while not list(home.work.glob("candidates/*/checkpoints/last.ckpt")):
        assert running.poll() is None, "training ended before it could be stopped"
        time.sleep(0.02)
    return running


def test_a_second_retraining_on_the_same_data_does_nothing_again(first):
    assert retrain(*SEED) == first
    assert [version.version for version in Registry(Settings()).versions()] == [1]


def test_a_worse_candidate_is_rejected_with_exit_code_3(first):
    home = Settings()
    sabotage(home, first["snapshot"]["id"])
    rejected = retrain(code=3)
    assert not rejected["promoted"]
    assert rejected["model_version"] is None
    assert any(not gate["passed"] for gate in rejected["gates"])
    registry = Registry(home)
    assert [version.version for version in registry.versions()] == [registry.champion().version]
    assert registry.client.get_run(rejected["run_id"]).data.tags["moderato.verdict"] == "rejected"


def sabotage(settings, snapshot):
    """Turn the judgements of the training posts around, as a broken labelling job would."""
    lake = open_lake(settings)
    learned = lance.dataset(lake.snapshot(snapshot))
    learned = learned.to_table(columns=["post_id"], filter="split in ('train', 'validation')")["post_id"]
    rows = lake.judgements.open().to_table()
    rows = rows.filter(pc.is_in(rows["post_id"], learned.combine_chunks()))
    place = rows.schema.get_field_index("violates")
    turned = rows.set_column(place, rows.schema.field(place), pc.invert(rows["violates"]))
    lake.judgements.upsert(turned.to_batches())


def test_a_critical_finding_stops_the_run_which_keeps_the_data_docs(home):
    judgements = open_lake(home).judgements
    rows = judgements.open().to_table()
    place = rows.schema.get_field_index("violates")
    nothing = rows.set_column(place, rows.schema.field(place), pa.array([False] * len(rows)))
    judgements.upsert(nothing.to_batches())
    said = retrain(code=2)
    assert "SomePolicyCanBeLearned" in said
    registry = Registry(home)
    (run,) = registry.client.search_runs([registry.experiment_id])
    assert run.info.status == "FAILED"
    assert [file.path for file in registry.client.list_artifacts(run.info.run_id, "data_docs")] == [
        "data_docs/index.html"
    ]
    assert registry.versions() == []


def test_an_empty_lake_says_what_to_do(tmp_path, monkeypatch, prefect_server):
    monkeypatch.setenv("MODERATO_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("MODERATO_PREFECT_API_URL", prefect_server)
    said = retrain(code=2)
    assert "moderato ingest" in said


STEPS = ("pin lake versions", "begin", "validate", "train")


def test_ctrl_c_in_a_terminal_ends_every_step_in_seconds_and_the_next_command_goes_on(home):
    for step in STEPS:
        with terminal("retrain", *TRIAL) as asked:
            asked.says(f"\n  {step:<10} ")
            left = psutil.Process(asked.process.pid).children(recursive=True)
            asked.type(CTRL_C)
            assert asked.ended(ENDS)[0] == 130, asked.said
        interrupted(asked.said, step)
        assert not any(map(runs, left))
    left = {run.info.status for run in runs_of(home)}
    assert "KILLED" in left
    assert left <= {"FINISHED", "KILLED"}
    assert retrain()["promoted"]
    assert {run.info.status for run in runs_of(home)} == {"FINISHED"}


def test_ctrl_c_in_training_on_a_server_of_its_own_closes_the_runs(home, monkeypatch):
    monkeypatch.setenv("MODERATO_PREFECT_API_URL", "")
    with terminal("retrain", "--preset", "trial,minimum_steps=5000") as asked:
        wait_for(lambda: list(home.work.glob("candidates/*/checkpoints/last.ckpt")), 300)
        (server,) = psutil.Process(asked.process.pid).children()
        asked.type(CTRL_C)
        assert asked.ended(ENDS)[0] == 130, asked.said
    interrupted(asked.said, "train")
    wait_for(lambda: not runs(server), 10)
    assert [run.info.status for run in runs_of(home)] == ["KILLED", "KILLED"], "the training's, and the run's"


def test_a_second_ctrl_c_ends_at_once_whatever_the_first_is_doing(home):
    with terminal("retrain", *TRIAL) as asked:
        asked.says("\n  begin")
        asked.type(CTRL_C)
        asked.type(CTRL_C)
        assert asked.ended(ENDS)[0] == 130, asked.said
    interrupted(asked.said, "validate")


def runs_of(home):
    """The MLflow runs, the last that began first."""
    registry = Registry(home)
    return registry.client.search_runs([registry.experiment_id])


def interrupted(said, during):
    """One line after what was typed, and nothing of what lies beneath."""
    after = said.partition("^C")[2].replace("^C", "").strip().splitlines()
    assert after[-1] == "moderato: interrupted; the same command goes on from here", during
    for word in ("Traceback", "Crash", "Error"):
        assert word not in said, during


def test_trial_replaces_no_champion_until_it_is_told_to(first):
    registered = retrain(*OTHER, "--no-canary")
    assert (registered["promoted"], registered["model_version"]) == (False, 2)
    assert registered["reason"].endswith("is for trying and replaces no champion; --replace lets it")
    registry = Registry(Settings())
    assert registry.champion().version == 1
    assert registry.client.get_run(registered["run_id"]).info.status == "FINISHED"
    assert retrain(*OTHER, "--no-canary", "--replace", "--until", "registered")["promoted"] is False
    promoted = retrain(*OTHER, "--no-canary", "--replace")
    assert (promoted["promoted"], promoted["model_version"]) == (True, 2)
    assert registry.champion().version == 2


@pytest.mark.timeout(900)
def test_a_second_champion_waits_for_traffic_until_a_person_decides(first):
    home = Settings()
    simulate(open_lake(home), posts=1000, weeks=1, seed=1, start_week=5)
    store = Store(home)
    with terminal("retrain", *TRIAL, *SEED, "--plan", "brief", "--replace") as stopped:
        stopped.says("no decision reaches this rollout yet", 300)
        stopped.type(CTRL_C)
        assert stopped.ended(ENDS)[0] == 130, stopped.said
    interrupted(stopped.said, "canary")
    assert store.running().status == "running"
    assert store.running().rests, "nobody watches it"
    assert {run.info.status for run in runs_of(home)[:1]} == {"KILLED"}
    waiting = subprocess.Popen(
        [*COMMAND, *TRIAL, *SEED, "--plan", "brief", "--replace"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = []
    for line in waiting.stderr:
        said.append(line)
        if "no decision reaches this rollout yet" in line:
            break
    else:
        pytest.fail("".join(said))
    assert store.running().status == "running"
    assert not store.running().rests
    assert store.registry.champion().version == 1
    act(store, "promote", "seen enough")
    outcome = json.loads(waiting.communicate()[0])
    assert outcome["promoted"]
    assert outcome["reason"] == "seen enough"
    assert store.registry.champion().version == 2
