import json

import numpy as np
import onnx
import pytest
from made_up_snapshot import made_up_rows, write_snapshot
from onnx import numpy_helper

from models.policies import POLICY_SETS
from models.serving.assembly import assemble
from models.serving.bundle import Bundle, verify
from models.serving.inference import Scorer
from models.serving.quantisation import LOSS, MOVED, SHARE
from models.snapshot import SnapshotRows
from models.training import fit

pytestmark = pytest.mark.slow

WIDTH = 64
SMALL = {"modalities": ("text",), "ngram_bits": 0, "width": WIDTH, "layers": 2, "vocabulary": 400}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A snapshot, and a transformer that learned what its words mean."""
    root = tmp_path_factory.mktemp("transformer")
    uri = write_snapshot(root, made_up_rows(3000))
    report = fit(
        uri, preset="transformer", seed=0, folder=root / "run", threads=1,
        minimum_steps=200, epochs=1, learning_rate=2e-3, averaging=0.9, **SMALL,
    )  # fmt: skip
    return uri, report


def bundle_of(model, folder, uri):
    guidelines = POLICY_SETS["community_guidelines"]
    return assemble(folder, model, uri, guidelines, storage_options={}, threads=1)


@pytest.fixture(scope="module")
def bundle(trained, tmp_path_factory):
    uri, report = trained
    folder = tmp_path_factory.mktemp("bundle") / "bundle"
    bundle_of(report.model, folder, uri)
    return folder


def texts(uri):
    rows = SnapshotRows.open(uri)
    return rows.take(rows.positions("test"), "text")["text"].to_pylist()


def test_the_transformer_learns_what_texts_say(trained):
    words = {
        name: value for name, value in trained[1].metrics.items() if name.endswith(("spam", "profanity"))
    }
    assert len(words) == 2
    assert min(words.values()) > 0.9


def test_eight_bits_are_served_where_they_cost_no_accuracy(bundle):
    precision = Bundle.load(bundle, threads=1).precision
    assert precision.served == "int8"
    assert precision.int8 > precision.float32 - LOSS
    files = json.loads((bundle / "manifest.json").read_text())["files"]
    assert {"model.onnx", "model.int8.onnx", "precision.json"} <= set(files)
    assert files["model.int8.onnx"]["bytes"] < files["model.onnx"]["bytes"]


def test_what_is_served_says_nearly_what_floats_say(trained, bundle):
    asked = texts(trained[0])
    exact, served = (
        1 / (1 + np.exp(-scorer.logits(asked, [None] * len(asked))))
        for scorer in (Scorer.load(bundle, 1, file="model.onnx"), Scorer.load(bundle, 1))
    )
    assert not np.array_equal(exact, served)
    assert np.quantile(np.abs(exact - served), SHARE) <= MOVED


def test_the_same_model_gives_the_same_bundle(trained, bundle, tmp_path):
    uri, report = trained
    assert bundle_of(report.model, tmp_path / "again", uri) == verify(bundle)


def test_a_model_that_eight_bits_would_break_is_served_in_floats(trained, tmp_path):
    """One huge weight behind a feature that is always nought: floats ignore it, and a channel of 8 bits does not."""
    uri, report = trained
    model = tmp_path / "model"
    model.mkdir()
    for path in report.model.iterdir():
        (model / path.name).write_bytes(path.read_bytes())
    graph = onnx.load(model / "model.onnx")
    for constant in graph.graph.initializer:
        if list(constant.dims) in ([4 * WIDTH], [4 * WIDTH, WIDTH]):
            values = numpy_helper.to_array(constant).copy()
            values[0] = -1e3 if values.ndim == 1 else 1e4
            constant.CopyFrom(numpy_helper.from_array(values, constant.name))
    onnx.save(graph, model / "model.onnx")
    bundle_of(model, tmp_path / "bundle", uri)
    broken = Bundle.load(tmp_path / "bundle", threads=1)
    assert broken.precision.served == "float32"
    assert "8 bits" in broken.precision.reason
    assert not (tmp_path / "bundle" / "model.int8.onnx").exists()


def test_a_model_of_text_alone_asks_for_no_pixels(trained):
    assert Scorer.load(trained[1].model, 1).modalities == ("text",)
