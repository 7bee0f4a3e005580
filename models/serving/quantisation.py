"""Weights of 8 bits, served where that costs no accuracy. Chosen before calibration, so that all else measures it.

Activations are quantised as they come (dynamic quantisation); embeddings, norms and attention itself stay floats.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from models.evaluation.comparison import Difference, compare
from models.evaluation.scored import Scored, score_splits
from models.serving.inference import Scorer
from models.serving.precision import FLOAT_FILE, INT8_FILE, PRECISION, Precision

LARGE = 1 << 14  # numbers in a weight; smaller ones gain nothing and may be heads whose outliers matter
LOSS = 0.01  # macro average precision that the posts must rule out to be lost
MOVED, SHARE = 0.05, 0.99  # a probability may move by so much, for this share of the posts
SPLITS = ("calibration", "validation")


def choose(folder: Path, uri: str, storage_options: dict[str, str], threads: int) -> Precision:
    """Leave precision.json in a model folder, and the 8-bit file where it is what shall be served.

    The same snapshot and model give the same choice: nothing here depends on how fast this machine is.
    """
    target = folder / INT8_FILE
    quantise(folder / FLOAT_FILE, target)
    exact, rounded = (
        score_splits(Scorer.load(folder, threads, file=file), uri, SPLITS, storage_options)
        for file in (FLOAT_FILE, INT8_FILE)
    )
    chosen = judged(exact, rounded)
    if chosen.served != "int8":
        target.unlink()
    (folder / PRECISION).write_text(chosen.model_dump_json(indent=1))
    return chosen


def judged(exact: Scored, rounded: Scored) -> Precision:
    """Whether the rounded model may stand for the exact one on these posts."""
    gap = compare(rounded, exact, None, version=0, seed=0).overall
    moved = (
        float(np.quantile(np.abs(_sigmoid(rounded.logits) - _sigmoid(exact.logits)), SHARE))
        if len(exact)
        else 0.0
    )
    refused = _against(gap, moved)
    return Precision(
        served="float32" if refused else "int8",
        float32=gap.champion,
        int8=gap.candidate,
        reason=refused or f"8 bits lose less than {LOSS} macro average precision on {gap.posts} posts",
    )


def _against(gap: Difference, moved: float) -> str:
    low = gap.difference.low
    if low is None:
        return "too few judged posts to tell what 8 bits would cost"
    if low < -LOSS:
        return f"8 bits may lose {-low:.4f} macro average precision, at most {LOSS} is accepted"
    if moved > MOVED:
        return (
            f"8 bits move one probability in a hundred by more than {moved:.3f}, at most {MOVED} is accepted"
        )
    return ""


def quantise(source: Path, target: Path) -> None:
    """Write the graph with its large constant weights in 8 bits.

    Weights use 7 of the 8 bits: products of full ones overflow on processors without VNNI, and a bundle must score
    alike wherever it is served.
    """
    model = onnx.load(source)
    del model.graph.value_info[:]  # the exporter's shapes contradict the quantised graph
    sizes = {constant.name: int(np.prod(constant.dims)) for constant in model.graph.initializer}
    chosen = [
        node.name
        for node in model.graph.node
        if node.op_type in ("MatMul", "Gemm") and any(sizes.get(name, 0) >= LARGE for name in node.input)
    ]
    log = logging.getLogger()
    level = log.level
    log.setLevel(logging.ERROR)  # it recommends a preprocessing that undoes nothing here
    try:
        quantize_dynamic(
            model, target, nodes_to_quantize=chosen, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True
        )  # fmt: skip
    finally:
        log.setLevel(level)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-logits.astype(np.float64))))
