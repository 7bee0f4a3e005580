import json
import shutil

import numpy as np
import pytest
from tiny_model import POLICIES, SET, write_model, write_snapshot

from models.bundle.assembly import assemble, latency
from models.bundle.bundle import Bundle
from models.bundle.manifest import TamperedBundleError, size_of, verify
from models.policies import POLICY_SETS


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("bundle")
    uri = str(root / "snapshot.lance")
    write_snapshot(uri, posts=6400)
    folder = root / "bundle"
    made = assemble(folder, write_model(root / "model"), uri, POLICY_SETS[SET], storage_options={}, threads=1)
    return folder, made.digest, uri


@pytest.fixture
def copy(made, tmp_path):
    import shutil

    return shutil.copytree(made[0], tmp_path / "copy")


def test_a_bundle_holds_everything_that_serving_needs_and_no_pickle(made):
    folder, digest, _ = made
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "model.onnx", "weights.safetensors", "tokenizer.json", "model.json", "policy_set.json",
        "operating_points.json", "calibration.json", "serving.json", "manifest.json",
    }  # fmt: skip
    assert verify(folder) == digest
    assert size_of(folder) == sum(path.stat().st_size for path in folder.iterdir())


def test_a_bundle_scores_calibrated_and_decides(made):
    bundle = Bundle.load(made[0], threads=1)
    scores = bundle.score(["plain1", "plain1 hate_speech", None], [None, None, None])
    column = POLICIES.index("hate_speech")
    assert scores.shape == (3, len(POLICIES))
    assert scores[0, column] < 0.2
    assert scores[1, column] > 0.6
    actions, reasons = bundle.decide(scores, ["DE", "FR", None])  # FR has no objectives of its own
    assert actions[0] == "allow"
    assert reasons[1][0].policy == "hate_speech"
    assert reasons[1][0].score >= reasons[1][0].threshold


def test_the_same_model_and_snapshot_make_the_same_bundle(made, tmp_path):
    folder, digest, uri = made
    again = assemble(
        tmp_path / "again", write_model(tmp_path / "m"), uri, POLICY_SETS[SET], storage_options={}, threads=1
    )
    assert again.digest == digest
    assert latency(Bundle.load(folder, threads=1), uri, {}) > 0


def test_a_changed_file_is_refused_by_name(copy):
    points = json.loads((copy / "operating_points.json").read_text())
    points["points"][0]["threshold"] = 0.0
    (copy / "operating_points.json").write_text(json.dumps(points))
    with pytest.raises(TamperedBundleError) as error:
        Bundle.load(copy)
    assert str(error.value) == (
        f"bundle {copy} was changed after it was made: operating_points.json; delete the folder and fetch it again"
    )


def test_a_missing_file_is_refused_by_name(copy):
    (copy / "model.onnx").unlink()
    with pytest.raises(TamperedBundleError, match=r"model\.onnx"):
        Bundle.load(copy)


def test_a_file_that_was_added_is_refused_by_name(copy):
    (copy / "payload.py").write_text("")
    with pytest.raises(TamperedBundleError, match=r"payload\.py"):
        Bundle.load(copy)


@pytest.mark.parametrize("manifest", ["", "[]", '{"files": 1}', '{"files": {"model.onnx": 1}}'])
def test_a_broken_manifest_is_refused(copy, manifest):
    (copy / "manifest.json").write_text(manifest)
    with pytest.raises(TamperedBundleError, match="is no manifest"):
        Bundle.load(copy)


def test_a_folder_that_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(TamperedBundleError) as error:
        Bundle.load(tmp_path)
    assert str(error.value) == f"{tmp_path} is no bundle: manifest.json is missing; fetch it again"


def test_scores_are_finite_for_any_text_and_broken_pictures(made):
    scores = Bundle.load(made[0], threads=1).score(["", "\u202e🙂", None], [b"no picture", None, b""])
    assert np.isfinite(scores).all()


def test_a_link_in_a_bundle_is_refused_for_what_it_leads_to_may_change(copy, tmp_path):
    shutil.move(copy / "operating_points.json", tmp_path / "points.json")
    (copy / "operating_points.json").symlink_to(tmp_path / "points.json")
    with pytest.raises(TamperedBundleError, match=r"holds links: operating_points\.json"):
        Bundle.load(copy)


@pytest.mark.parametrize("name", ["../points.json", "/etc/hostname", "a//b", "./model.onnx", "a\\b", ""])
def test_a_manifest_names_files_below_it_and_no_others(copy, name):
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"][name] = manifest["files"]["model.onnx"]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(TamperedBundleError, match="no file below it"):
        Bundle.load(copy)


def test_a_second_manifest_further_down_is_a_file_that_was_added(copy):
    (copy / "more").mkdir()
    (copy / "more" / "manifest.json").write_text("{}")
    with pytest.raises(TamperedBundleError, match=r"more/manifest\.json"):
        Bundle.load(copy)


def test_a_manifest_nested_without_end_is_no_manifest(copy):
    (copy / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(TamperedBundleError, match="is no manifest"):
        Bundle.load(copy)
