import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from models.bundle.assembly import assemble
from models.bundle.bundle import Bundle
from models.bundle.export import export
from models.bundle.manifest import verify
from models.bundle.quantization import quantize
from models.data.snapshot import SnapshotRows
from models.data.tokenizer import pieces
from models.data.words import Words
from models.domain.preset import Preset
from models.evaluation.admission import SHIFT
from models.inference.scorer import Scorer
from models.network.network import Network
from models.policies import POLICY_SETS
from models.training.fit import fit
from models.training.presets import job_on
from tests.support.made_up_snapshot import made_up_rows, picture, write_snapshot

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
SET = POLICY_SETS["community_guidelines"]
SMALL = {
    "vocabulary": 300, "ngram_bits": 0, "width": 32, "heads": 2, "layers": 2, "image_size": 32, "batch_size": 16,
    "epochs": 1, "minimum_steps": 200, "learning_rate": 2e-3, "averaging": 0.98,
}  # fmt: skip
OUTLIER = 1e4


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return write_snapshot(tmp_path_factory.mktemp("snapshot"), made_up_rows(800))


@pytest.fixture(scope="module")
def report(uri, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    return fit(job_on(uri, preset="transformer", seed=0, folder=folder, threads=1, **SMALL))


@pytest.fixture(scope="module")
def bundle(uri, report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle") / "bundle"
    return folder, assemble(folder, report.model, uri, SET, storage_options={}, threads=1).digest


def posts(uri):
    rows = SnapshotRows.open(uri)
    found = rows.take(rows.positions("test"), "text", "image")
    return found["text"].to_pylist(), found["image"].to_pylist()


def serving(folder):
    return json.loads((folder / "serving.json").read_text())


def test_a_transformer_learns_what_text_and_pictures_show(report):
    assert report.metrics["validation/macro_average_precision"] > 0.9


def test_what_loses_nothing_is_served_in_eight_bits_and_the_bundle_says_so(bundle):
    folder, digest = bundle
    assert verify(folder) == digest
    found = serving(folder)
    assert found["serves"] == "model.int8.onnx"
    assert found["least_difference"] >= found["difference_bound"]
    assert found["shift"] <= found["shift_bound"]
    graphs = [onnx.load(folder / name) for name in ("model.onnx", "model.int8.onnx")]
    onnx.checker.check_model(graphs[1])
    large, small = (products(graph.graph) for graph in graphs)
    assert large == {"float": small["int8"]}
    assert small["int8"] > 8  # four in each layer, and those of the fusion


def products(graph):
    """How many products by a weight there are in float, and how many by one of eight bits."""
    weights = {tensor.name for tensor in graph.initializer}
    widened = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    by = [node.input[1] for node in graph.node if node.op_type == "MatMul"]
    found = {"float": sum(name in weights for name in by), "int8": sum(name in widened for name in by)}
    return {name: count for name, count in found.items() if count}


def test_scores_in_eight_bits_stay_near_those_in_float(bundle, uri):
    folder, _ = bundle
    served, full = Scorer.load(folder, threads=1), Scorer.load(folder, threads=1, graph=folder / "model.onnx")
    small, large = (1 / (1 + np.exp(-scorer.logits(*posts(uri)))) for scorer in (served, full))
    moved = np.abs(small - large)
    assert 0 < np.percentile(moved, 99) <= SHIFT


def test_a_score_in_eight_bits_does_not_depend_on_the_posts_beside_it(bundle, uri):
    scorer = Scorer.load(bundle[0], threads=1)
    texts, images = [*posts(uri)[0], "tea " * 200, None], [*posts(uri)[1], None, picture("red")]
    together = scorer.logits(texts, images)
    alone = np.concatenate([scorer.logits([t], [i]) for t, i in zip(texts, images, strict=True)])
    assert np.allclose(alone, together, atol=1e-4)


def test_calibration_is_fitted_on_the_scores_that_are_served(bundle, uri, report, tmp_path):
    model = shutil.copytree(report.model, tmp_path / "model")
    about = json.loads((model / "model.json").read_text())
    about["preset"]["int8"] = False
    (model / "model.json").write_text(json.dumps(about))
    assemble(tmp_path / "float", model, uri, SET, storage_options={}, threads=1)
    small, full = Bundle.load(bundle[0]), Bundle.load(tmp_path / "float")
    assert serving(tmp_path / "float")["reason"] == "the preset does not ask for 8-bit weights"
    assert small.calibration != full.calibration


def test_the_same_model_makes_the_same_bundle_with_any_number_of_threads(bundle, uri, report, tmp_path):
    again = assemble(tmp_path / "again", report.model, uri, SET, storage_options={}, threads=2).digest
    assert again == bundle[1]


def outlying(report, folder):
    """The trained model with the same function, in which one weight of each product dwarfs the others."""
    about = json.loads((report.model / "model.json").read_text())
    preset, tokenizer = (
        Preset(**about["preset"]),
        Tokenizer.from_file(str(report.model / "tokenizer.json")),
    )
    network = Network(preset, len(about["policies"]), torch.from_numpy(pieces(tokenizer)))
    network.load_state_dict(load_file(report.model / "weights.safetensors"))
    with torch.no_grad():
        for layer in network.towers["text_transformer"].text.layers:
            for norm, product in (
                (layer.norm_attention, layer.query_key_value),
                (layer.norm_feed, layer.widen),
            ):
                norm.weight[0] /= OUTLIER
                norm.bias[0] /= OUTLIER
                product.weight[:, 0] *= OUTLIER
    words = Words.read(report.model / "words.tsv")
    export(folder, network, tokenizer, preset, tuple(about["policies"]), words=words)
    return folder


def test_weights_that_eight_bits_break_are_served_in_float_and_the_bundle_says_why(report, uri, tmp_path):
    model = outlying(report, tmp_path / "model")
    texts, images = posts(uri)
    before, after = (Scorer.load(folder, threads=1).logits(texts, images) for folder in (report.model, model))
    assert np.allclose(before, after, atol=1e-2)
    assemble(tmp_path / "bundle", model, uri, SET, storage_options={}, threads=1)
    found = serving(tmp_path / "bundle")
    assert found["serves"] == "model.onnx"
    assert found["reason"].startswith("float: ")
    assert "is allowed" in found["reason"]
    assert not (tmp_path / "bundle" / "model.int8.onnx").exists()
    assert np.array_equal(Bundle.load(tmp_path / "bundle", threads=1).scorer.logits(texts, images), after)


def test_quantizing_again_gives_the_same_bytes_and_no_noise(report, uri, tmp_path, capfd):
    scorer = Scorer.load(report.model, threads=1)
    for name in ("first", "second"):
        feeds = (feed for _, feed in scorer.feeds(*posts(uri)))
        quantize(report.model / "model.onnx", tmp_path / name, feeds)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"first", "second"}
    assert capfd.readouterr() == ("", "")


def test_serving_eight_bits_imports_neither_torch_nor_what_made_them(bundle):
    code = (
        "import sys; from pathlib import Path; from models.bundle.bundle import Bundle; "
        "Bundle.load(Path(sys.argv[1])).score(['tea'], [None]); "
        "print([name for name in ('torch', 'onnx', 'onnxruntime.quantization') if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(bundle[0])],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert found.stdout.strip() == "[]"
