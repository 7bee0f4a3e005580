"""A home that the release before made goes on under this one: read, served, trained on, rolled out and rolled back.

tests/support/make_home_of_release.py made it, with that release's own commands, and makes the next.
"""

from __future__ import annotations

import json
import tarfile
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from gateway_server import in_thread

from flows.cli import main
from infra.lake import open_lake
from infra.platform.doctor import examine
from infra.platform.restore import restore
from infra.registry import Registry
from infra.registry.loaded import load
from infra.registry.runs import GONE_ON
from infra.rollout import Controller, Store, act, judged, meets_challenger, rest_unattended, roll_back
from infra.settings import Settings
from models.data.snapshot import SnapshotRows
from models.distributed.resources import Resources
from tasks.data.compact import compact
from tasks.data.snapshot import cut, pin
from tasks.plumbing.caching import FORMER_CODE, code_digest
from tasks.release.evaluate import evaluate
from tasks.release.register import register, set_aside
from tasks.training.champion import incumbent
from tasks.training.run import begin
from tasks.training.train import train

pytestmark = pytest.mark.slow
HOMES = Path(__file__).with_name("homes")
SET = "community_guidelines"
CHAMPION, CHALLENGER = 1, 2
CLOSE = 1e-6
THIS_MACHINE = ("port ", "disk")  # how subjects begin that `doctor` looks at, whatever the home


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """The backup of the home, and what was seen when it was made."""
    (archive,) = HOMES.glob("*.tar.xz")
    folder = tmp_path_factory.mktemp("packed")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / "backup", json.loads((folder / "told.json").read_text())


@pytest.fixture
def told(packed):
    return packed[1]


@pytest.fixture
def home(packed, tmp_path, monkeypatch):
    """Settings of the home, which lies elsewhere now."""
    settings = Settings(home=tmp_path / "moved", threads=1, gateway_refresh_seconds=0.2, _env_file=None)
    restore(settings, packed[0])
    monkeypatch.setenv("MODERATO_HOME", str(settings.home))
    return settings


@pytest.fixture
def command(capsys):
    """What a command of this process prints."""

    def run(*words):
        with suppress(SystemExit):
            main(words)
        return capsys.readouterr().out

    return run


def test_its_release_is_the_one_whose_unfinished_work_goes_on(told):
    assert FORMER_CODE[-1] == told["code"] != code_digest()


def test_the_champion_is_served_with_the_scores_of_then(home, told):
    rollout = Store(home).running()
    numbers = (f"again-{number}" for number in range(10_000))
    names = [name for name in numbers if not meets_challenger(name, rollout.id, rollout.share)]
    with in_thread(home) as gateway:
        for name, asked in zip(names, told["asked"], strict=False):
            (decision,) = replace(gateway, key=told["key"]).decide(name, text=asked["text"])
            assert decision["model_version"] == str(CHAMPION)
            assert decision["scores"] == pytest.approx(asked["decision"]["scores"], abs=CLOSE)


def test_decisions_of_then_are_found_by_their_ids_with_a_key_of_then(home, told):
    then = [*(asked["decision"] for asked in told["asked"]), told["last"]]
    with in_thread(home) as gateway, replace(gateway, key=told["key"]).client() as client:
        found = [client.get(f"/v1/decisions/{decision['decision_id']}").json() for decision in then]
    assert found == then


def test_mlflow_loads_what_was_registered_with_the_code_of_then(home, told):
    kept = list((home.home / "mlflow-artifacts").rglob("served_model.py"))
    assert len(kept) == CHALLENGER
    assert all("models.serving" in path.read_text() for path in kept)
    mlflow.set_tracking_uri(home.tracking_uri)
    with pytest.warns(DeprecationWarning, match=r"models\.serving\.bundle is models\.bundle\.bundle now"):
        loaded = mlflow.pyfunc.load_model(f"models:/{home.registered_model}/{CHAMPION}")
    texts = pd.DataFrame({"text": [asked["text"] for asked in told["asked"]]})
    for scored, asked in zip(loaded.predict(texts).to_dict("records"), told["asked"], strict=True):
        known = {policy: score for policy, score in asked["decision"]["scores"].items() if score is not None}
        assert {policy: scored[policy] for policy in known} == pytest.approx(known, abs=CLOSE)


def test_status_and_doctor_see_it_as_it_was(home, told, command):
    seen, then = json.loads(command("status", "--json")), told["status"]
    assert seen["lake"] == then["lake"]
    for name in ("champion", "challenger"):
        assert (seen[name]["version"], seen[name]["key"]) == (then[name]["version"], then[name]["key"])
    assert [run["run_id"] for run in seen["runs"]] == [run["run_id"] for run in then["runs"]]
    assert seen["rollout"]["posts"] == told["posts_in_stage"]
    wrong = [it for it in examine(home) if it.verdict == "to mend"]
    assert [it for it in wrong if not it.subject.startswith(THIS_MACHINE)] == []


def test_snapshots_of_then_are_read_and_found_again_and_new_ones_cut(home, told):
    then = told["champion"]["snapshot"]
    uri = open_lake(home).snapshot(then["id"])
    rows = SnapshotRows.open(uri)
    assert (rows.id, rows.counts) == (then["id"], then["counts"])
    assert sum(len(batch) for batch in rows.batches("train", 100, "text")) == then["counts"]["train"]
    kept = {path.stem for path in Path(open_lake(home).uri, "snapshots").iterdir()}
    versions = pin.fn(home, None, SET)
    assert cut.fn(home, versions, SET, 1).id in kept, "of the retraining that was killed in its canary"
    new = cut.fn(home, versions, SET, 7)
    assert new.id not in kept
    assert sum(len(SnapshotRows.open(new.uri).positions(split)) for split in new.counts) == sum(
        new.counts.values()
    )


def test_posts_and_judgements_come_in_and_tables_are_compacted(home, told, tmp_path, command):
    lake, then = open_lake(home), told["status"]["lake"]
    post = {"post_id": "new", "text": "blen vrenk", "labels": {"fraud_and_spam": True}}
    again = {"post_id": "post-1-0", "text": "a text that was mended"}
    (tmp_path / "new.jsonl").write_text(f"{json.dumps(post)}\n{json.dumps(again)}\n")
    command("ingest", "jsonl", str(tmp_path / "new.jsonl"))
    compact.fn(home, 30)
    assert lake.posts.open().count_rows() == then["posts"]["rows"] + 1
    assert lake.judgements.open().count_rows() == then["judgements"]["rows"] + 1
    asked = told["asked"][0]["decision"]["decision_id"]
    assert lake.decisions.open().count_rows(f"decision_id = '{asked}'") == 1


def begun(settings, arguments):
    """The snapshot and the run of a retraining, as `moderato retrain` begins it with these arguments."""
    preset, seed = arguments[0], int(arguments[arguments.index("--seed") + 1])
    snapshot = cut.fn(settings, pin.fn(settings, None, SET), SET, seed)
    return snapshot, begin.fn(settings, snapshot, preset, seed)


def test_a_retraining_that_was_killed_in_training_goes_on_at_its_checkpoint(home, told):
    (left,) = (path.parent.parent for path in home.work.glob("candidates/*/checkpoints/last.ckpt")
               if not (path.parent.parent / "report.json").exists())  # fmt: skip
    snapshot, run = begun(home, told["in_training"])
    assert home.work / "candidates" / run.key[:16] == left
    candidate = train.fn(home, run, snapshot, Resources())
    assert json.loads((left / "report.json").read_text())["resumed_at"] > 0
    found = evaluate.fn(home, candidate, incumbent.fn(home, run))
    assert {gate.gate for gate in found.gates} >= {"not_worse_overall"}
    release = register.fn(home, candidate, found.model_copy(update={"passed": True}))
    set_aside.fn(home, release, "as asked")
    assert (release.version, release.key) == (3, run.key)
    finished = Registry(home).client.get_run(run.run_id)
    assert (finished.info.status, finished.data.tags[GONE_ON]) == ("FINISHED", code_digest())
    assert begun(home, told["in_training"])[-1] == run, "the same command finds what it has finished"


def test_one_that_release_had_finished_is_trained_again_by_this_code(home, told):
    registry = Registry(home)
    arguments = [told["preset"], "--seed", "0"]
    then = registry.version(CHAMPION)
    lake = pin.fn(home, None, SET).model_copy(update=told["champion_versions"])
    snapshot = cut.fn(home, lake, SET, 0)
    assert snapshot.id == then.snapshot
    assert begin.fn(home, snapshot, arguments[0], 0).key != then.key


def test_a_canary_of_then_is_judged_by_what_the_lake_holds_of_it(home, told):
    store = Store(home)
    rollout = store.running()
    assert (rollout.id, rollout.stage, rollout.status) == (
        told["rollout"]["id"],
        told["rollout"]["stage"],
        "running",
    )
    assert rollout.stage > 0, "its evidence is of more than one stage"
    step = judged(store, rollout)
    assert step.posts == told["posts_in_stage"]
    assert step.judgement.verdict != "unhealthy"
    assert store.acts(rollout.id)[0]["act"] == "begin"


def test_its_retraining_goes_on_with_it_and_until_then_the_champion_decides_alone(home, told):
    store = Store(home)
    rested = rest_unattended(store, datetime.now(UTC))
    assert (rested.share, rested.shadow, rested.status) == (0, 0, "running")
    assert "nobody has driven it since" in rested.reason
    *_, run = begun(home, told["in_canary"])
    assert run.key == store.registry.version(CHALLENGER).key
    bundle = load(home, "challenger").bundle
    step = Controller(store, CHALLENGER, bundle.assessed, ("DE", "US")).look()
    assert (step.rollout.id, step.rollout.stage) == (rested.id, rested.stage)
    assert step.rollout.share == told["rollout"]["share"], "driven, it has its traffic again"
    assert step.posts == told["posts_in_stage"]


def test_a_person_promotes_it_and_goes_back(home):
    store = Store(home)
    act(store, "promote", "seen enough")
    assert store.registry.champion().version == CHALLENGER
    gone, restored = roll_back(store, None, "it did harm")
    assert (gone, restored.version) == (CHALLENGER, CHAMPION)
