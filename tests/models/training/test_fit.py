import json
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from models.data.snapshot import NotASnapshotError, SnapshotRows, matrix
from models.distributed.job import Job
from models.domain.preset import Preset, PresetError, compact
from models.inference.scorer import NotAModelError, Scorer
from models.objectives import OBJECTIVES
from models.training.classifier import precisions
from models.training.fit import fit
from models.training.presets import UnknownPresetError, job_on
from models.training.run import PLAN, FolderTakenError, as_begun, claim
from tests.support.made_up_snapshot import POLICIES, made_up_rows, picture, write_snapshot

pytestmark = pytest.mark.slow
SMALL = {"vocabulary": 300, "ngram_bits": 10, "width": 16, "image_size": 32, "batch_size": 16, "epochs": 2}
SHORT = {**SMALL, "minimum_steps": 0, "checkpoint_steps": 3}
ROOT = Path(__file__).parents[3]
FIT = """
import sys
from pathlib import Path
for blocked in ("prefect", "mlflow", "boto3", "great_expectations"):
    sys.modules[blocked] = None
from models.training.fit import fit
from models.training.presets import job_on
job = job_on(sys.argv[1], preset="compact", seed=3, folder=Path(sys.argv[2]), threads=1, **eval(sys.argv[3]))
report = fit(job)
print(report.resumed_at)
"""


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return write_snapshot(tmp_path_factory.mktemp("snapshot"), made_up_rows(400))


def in_a_process(uri, folder, overrides):
    return subprocess.Popen(
        [sys.executable, "-c", FIT, uri, str(folder), repr(overrides)],
        cwd=folder.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def weights(folder):
    return load_file(folder / "model" / "weights.safetensors")


@pytest.fixture(scope="module")
def whole(uri, tmp_path_factory):
    """The folder around that of a run in a process of its own, and what the process said."""
    folder = tmp_path_factory.mktemp("whole")
    process = in_a_process(uri, folder / "run", SHORT)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return folder, output, errors


def test_a_run_that_was_killed_goes_on_to_the_same_weights(uri, whole, tmp_path):
    killed = in_a_process(uri, tmp_path / "killed", SHORT)
    while not (tmp_path / "killed" / "checkpoints" / "last.ckpt").exists():
        assert killed.poll() is None
        time.sleep(0.005)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    again = in_a_process(uri, tmp_path / "killed", SHORT)
    resumed_at, errors = again.communicate()
    assert again.returncode == 0, errors
    assert int(resumed_at) > 0
    first, second = weights(whole[0] / "run"), weights(tmp_path / "killed")
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_without_prefect_and_mlflow_it_trains_and_leaves_no_litter_and_no_noise(whole):
    folder, output, errors = whole
    assert errors == ""
    assert output.strip() == "0"
    assert [path.name for path in folder.iterdir()] == ["run"]
    files = {path.name for path in (folder / "run" / "model").iterdir()}
    assert files == {"model.onnx", "weights.safetensors", "tokenizer.json", "model.json", "words.tsv"}


@pytest.fixture(scope="module")
def trained(uri, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    return folder, fit(
        job_on(uri, preset="compact", seed=0, folder=folder, threads=1, **{**SMALL, "minimum_steps": 250})
    )


def test_it_learns_what_text_and_pictures_show(trained):
    _, report = trained
    assert report.metrics["validation/macro_average_precision"] > 0.9


def test_the_model_names_no_folder_of_the_machine_that_trained_it(trained):
    for path in (trained[0] / "model").iterdir():
        assert str(ROOT).encode() not in path.read_bytes(), path.name


def test_a_run_says_what_it_cost(uri, trained):
    report, measured = trained[1], trained[1].measured
    assert measured.items == report.epochs * len(SnapshotRows.open(uri).positions("train"))
    assert measured.tokens_per_second > measured.items_per_second > 0
    assert measured.flops_per_item > 1000
    assert 0 < measured.model_flops_utilisation < 2
    assert measured.memory_peak_bytes >= measured.memory_before_bytes > 0
    assert 0 <= measured.data_wait_share < 1
    assert measured.device_seconds > measured.items / measured.items_per_second / 2
    assert measured.metrics["train/items"] == measured.items


def test_a_finished_run_returns_its_report(uri, trained):
    folder, report = trained
    again = fit(
        job_on(uri, preset="compact", seed=0, folder=folder, threads=1, **{**SMALL, "minimum_steps": 250})
    )
    assert again == report


def test_another_run_may_not_take_the_folder(uri, trained):
    with pytest.raises(FolderTakenError, match="another preset, objective, seed or release"):
        fit(job_on(uri, preset="compact", seed=1, folder=trained[0]))


def test_a_plan_of_a_release_whose_presets_said_less_is_the_same_where_nothing_else_is_asked(tmp_path):
    asked = {"preset": compact().model_dump(mode="json"), "seed": 0}
    claim(tmp_path, asked)
    older = json.loads((tmp_path / PLAN).read_text())
    assert older["preset"].pop("accumulate") == Preset.model_fields["accumulate"].default
    for preset, is_same in ((asked["preset"], True), (asked["preset"] | {"accumulate": 2}, False)):
        (tmp_path / PLAN).write_text(json.dumps(older))
        with nullcontext() if is_same else pytest.raises(FolderTakenError):
            claim(tmp_path, asked | {"preset": preset})


def test_a_run_that_a_release_without_words_began_goes_on_without_them_and_another_one_is_refused(tmp_path):
    began = compact().model_dump(mode="json")
    assert began.pop("unmask")
    (tmp_path / PLAN).write_text(json.dumps({"preset": began, "seed": 0}))

    def job(preset):
        return as_begun(Job(run="a:B", snapshot_uri="", preset=preset, seed=0, folder=tmp_path))

    assert job(compact()).preset == compact().replace(unmask=False)
    assert job(compact().replace(epochs=9)).preset == compact().replace(epochs=9, unmask=False)
    began.pop("negate")
    (tmp_path / PLAN).write_text(json.dumps({"preset": began, "seed": 0}))
    assert job(compact().replace(negate=0.5)).preset.negate == 0.5
    (tmp_path / PLAN).unlink()
    assert job(compact()).preset == compact()


def test_the_scorer_reads_text_pictures_both_and_neither(trained):
    scorer = Scorer.load(trained[0] / "model", threads=1)
    assert scorer.policies == POLICIES
    texts = ["tea glimmer", "tea", None, None, "tea vrenk"]
    images = [None, picture("red"), picture("red"), None, b"no picture at all"]
    logits = scorer.logits(texts, images)
    assert logits.shape == (5, 3)
    assert logits.dtype == np.float32
    assert logits[0].argmax() == 0
    assert logits[4].argmax() == 1
    assert logits[2, 2] > logits[4, 2]
    one_by_one = np.concatenate([scorer.logits([t], [i]) for t, i in zip(texts, images, strict=True)])
    assert np.allclose(one_by_one, logits, atol=1e-4)
    assert scorer.logits([], []).shape == (0, 3)


def test_a_scorer_does_not_import_torch(trained):
    code = (
        "import sys; from pathlib import Path; from models.inference.scorer import Scorer; "
        "Scorer.load(Path(sys.argv[1])).logits(['tea'], [None]); print('torch' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(trained[0] / "model")],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert found.stdout.strip() == "False"


def test_mistakes_are_named_with_their_choices(uri, tmp_path):
    with pytest.raises(UnknownPresetError, match="choose one of: albef, blip"):
        fit(job_on(uri, preset="huge", seed=0, folder=tmp_path))
    with pytest.raises(PresetError, match=r"no field 'epoch'; did you mean 'epochs'\? choose from"):
        fit(job_on(uri, preset="compact", seed=0, folder=tmp_path, epoch=3))
    with pytest.raises(PresetError, match="batch_size of preset compact is 0"):
        fit(job_on(uri, preset="compact", seed=0, folder=tmp_path, batch_size=0))
    with pytest.raises(PresetError, match="epochs of preset compact is '0'"):
        fit(job_on(uri, preset="compact,epochs=0", seed=0, folder=tmp_path))
    with pytest.raises(PresetError, match="'epochs' changes no field of a preset; write field=value"):
        fit(job_on(uri, preset="compact,epochs", seed=0, folder=tmp_path))
    with pytest.raises(NotASnapshotError, match="there is no snapshot at"):
        fit(job_on(str(tmp_path / "none.lance"), preset="compact", seed=0, folder=tmp_path))
    with pytest.raises(NotAModelError, match=r"model\.onnx"):
        Scorer.load(tmp_path)


def test_the_exported_weights_are_the_running_average_that_was_validated(uri, trained):
    folder, report = trained
    rows, scorer = SnapshotRows.open(uri), Scorer.load(folder / "model", threads=1)
    held_out = rows.take(rows.positions("validation"), "text", "image", "labels")
    logits = scorer.logits(held_out["text"].to_pylist(), held_out["image"].to_pylist())
    labels = matrix(held_out["labels"], len(rows.policies))
    found = precisions(logits, labels)
    for column, value in found.items():
        name = f"validation/average_precision.{rows.policies[column]}"
        assert report.metrics[name] == pytest.approx(value, abs=1e-6)
    loss = OBJECTIVES["asymmetric"](*map(torch.from_numpy, (logits, labels, np.ones_like(labels))))
    assert report.metrics["validation/loss"] == pytest.approx(float(loss), abs=1e-4)
