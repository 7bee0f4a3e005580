"""Pre-training as a user runs it, and a retraining that begins from what came of it."""

import json
import signal
import subprocess
import sys
import time

import lance
import pytest
from tiny_model import open_store

from flows.cli import app
from flows.form import Data, RollOut, Training
from flows.pretrain import pretrain
from flows.pretraining_form import Pretraining
from flows.retrain import retrain
from infra.lake import open_lake
from infra.registry import Registry, last_runs
from infra.registry.backbones import BACKBONE
from infra.registry.runs import PRETRAINING
from infra.settings import Settings
from infra.simulator import simulate
from infra.snapshots import EmptyLakeError
from models.domain.errors import UserError
from models.pretraining.pretrain import BACKBONE_FOLDER
from models.training.presets import preset_named
from tasks.release.register_backbone import CORPUS, OBJECTIVES, family_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]

SMALL = "width=32,layers=1,image_size=32,patch_size=16,max_tokens=16,vocabulary=600"
QUICK = f"clip,{SMALL},epochs=1,minimum_steps=24,checkpoint_steps=2,averaging=0.5"
COMMAND = [sys.executable, "-m", "flows.cli", "pretrain", "--json", "--preset", QUICK]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    home = tmp_path_factory.mktemp("simulated") / "home"
    settings = Settings(home=home, _env_file=None)
    simulate(open_lake(settings), posts=1200, weeks=4, seed=1, described=1.0)
    open_store(settings)
    return home


def versions(settings):
    return Registry(settings).client.search_model_versions(f"name = '{BACKBONE}'")


def in_training(settings):
    """A pre-training that has just written its first checkpoint."""
    running = subprocess.Popen(COMMAND, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while not list(settings.work.glob("backbones/*/checkpoints/last.ckpt")):
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.02)
    return running


def test_a_backbone_is_registered_once_and_a_retraining_begins_from_it(home):
    asked = Pretraining(preset=QUICK)
    made = pretrain(Data(), asked)
    assert made.release.version == 1
    assert made.corpus.dropped["is as late as what retraining tests on"] > 0
    client = Registry(home).client
    (version,) = versions(home)
    assert version.tags[CORPUS] == made.corpus.id
    assert version.tags[OBJECTIVES] == "contrastive"
    assert made.corpus.id in version.description
    for alias in ("latest", "clip"):
        assert client.get_model_version_by_alias(BACKBONE, alias).version == version.version
    run = client.get_run(made.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags[PRETRAINING]
    assert last_runs(Registry(home), 5) == []  # those are retrainings
    assert run.data.metrics["cost_seconds"] > 0
    assert run.data.metrics.keys() > made.metrics.keys() > set()
    (course,) = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{made.run_id}'")
    assert (course.info.run_name, course.info.status) == ("training", "FINISHED")
    curve = client.get_metric_history(course.info.run_id, "validation/loss")
    assert 0 not in {point.step for point in curve}, "a curve, no V"
    assert course.data.metrics["kept/loss"] == made.metrics["validation/loss"]

    again = pretrain(Data(), asked)
    assert (again.release, len(versions(home))) == (made.release, 1)

    chosen = f"{QUICK},ngram_bits=10,weights=models:/{BACKBONE}@latest"
    outcome = retrain(training=Training(preset=chosen), rollout=RollOut(canary=False))
    tags = client.get_run(outcome.run_id).data.tags
    assert len(tags["weights"]) == 64
    assert outcome.evaluation.bundle.exists()


def test_a_backbone_that_writes_and_matches_mends_the_texts_that_another_learns_from(home):
    writer = QUICK.replace("clip,", "blip,")
    first = pretrain(Data(), Pretraining(preset=writer, objectives="contrastive+captioning+matching"))
    asked = Pretraining(preset=QUICK, bootstrap=f"models:/{BACKBONE}@blip")
    made = pretrain(Data(), asked)
    assert made.corpus.id != first.corpus.id
    assert made.corpus.counts == first.corpus.counts
    (old, new) = (
        lance.dataset(corpus.uri).to_table(["post_id", "text"]) for corpus in (first.corpus, made.corpus)
    )
    assert old["post_id"] == new["post_id"]
    assert old["text"] != new["text"]
    assert made.release.version == 2


def test_killed_in_training_it_goes_on_at_its_last_checkpoint_and_ctrl_c_says_so(home):
    running = in_training(home)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate()
    assert running.returncode == 130, said
    assert said.splitlines()[-1] == "moderato: interrupted; the same command goes on from here"
    assert "Traceback" not in said
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["address"] == f"models:/{BACKBONE}/1"
    assert outcome["aliases"] == ["clip"]
    (folder,) = home.work.glob("backbones/*")
    assert (folder / BACKBONE_FOLDER).is_dir()
    assert json.loads((folder / "report.json").read_text())["resumed_at"] > 0
    assert len(versions(home)) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--preset", "huge"], "choose one of: "),
        (["--objectives", "luck"], "contrastive"),
        (["--objectives", "focal"], "contrastive"),
        (["--policy-set", "none"], "community_guidelines"),
        (["--teacher", "models:/nothing@latest"], "nothing of contrastive learns from one"),
    ],
)
def test_a_choice_that_cannot_be_says_what_can(home, arguments, said):
    with pytest.raises(UserError, match=said.replace("(", r"\(")) as refusal:
        app(["pretrain", *arguments], result_action="return_value")
    assert refusal.value.exit_code == 2
    assert not versions(home)


def test_an_empty_lake_says_what_to_do(tmp_path, monkeypatch, prefect_server):
    monkeypatch.setenv("MODERATO_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("MODERATO_PREFECT_API_URL", prefect_server)
    with pytest.raises(EmptyLakeError, match="moderato ingest"):
        pretrain(Data(), Pretraining(preset=QUICK))


def test_the_alias_of_a_preset_is_its_families():
    assert family_of(preset_named("clip")) == "clip"
    assert family_of(preset_named("compact,image_encoder=eva")) == "compact-eva"
    assert family_of(preset_named("compact,modalities=text")) == "compact"
