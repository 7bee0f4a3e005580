"""Eight-bit weights and activations for the matrix products of an exported model.

An activation's range is observed beforehand on real posts, not taken anew from each batch: a post's score then never
depends on the posts beside it, which one odd post could otherwise coarsen. Weights have seven bits and the sign's
place spare, so that sums cannot overflow on processors without VNNI and every processor computes the same integers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Feed = Mapping[str, NDArray[np.generic]]
Ranges = dict[str, tuple[float, float]]

LEVELS = 255  # of an unsigned byte, above the lowest
LEAST = 1e-6  # width of a range; a tensor that is always zero has none


def quantise(model: Path, to: Path, feeds: Iterable[Feed]) -> None:
    """Write `model` with its weight products in eight bits to `to`; `feeds` are inputs of real posts.

    The same model and feeds give the same bytes. A model without such products is written as it is.
    """
    graph = onnx.load(model)
    del graph.graph.value_info[:]  # the exporter's shapes, which the quantiser takes for its own tensors'
    with _quietly():
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(
            graph, to, op_types_to_quantize=["MatMul"], per_channel=True, reduce_range=True,
            weight_type=QuantType.QInt8,
        )  # fmt: skip
    served = onnx.load(to)
    names = sorted({node.input[0] for node in _dynamic(served)})
    _fix(served, _observe(onnx.load(model), names, feeds))
    onnx.save(served, to)


def _dynamic(model: Any) -> list[Any]:
    return [node for node in model.graph.node if node.op_type == "DynamicQuantizeLinear"]


def _observe(model: Any, names: list[str], feeds: Iterable[Feed]) -> Ranges:
    """The least and greatest value that each tensor took."""
    if not names:
        return {}
    for name in names:
        for reduction in ("ReduceMin", "ReduceMax"):
            output = f"{name}.{reduction}"
            model.graph.node.append(helper.make_node(reduction, [name], [output], keepdims=0))
            model.graph.output.append(helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, []))
    outputs = [f"{name}.{reduction}" for reduction in ("ReduceMin", "ReduceMax") for name in names]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = np.array([session.run(outputs, dict(feed)) for feed in feeds], np.float64).reshape(
        -1, 2, len(names)
    )
    lows, highs = found[:, 0].min(axis=0, initial=0), found[:, 1].max(axis=0, initial=0)
    return {name: (float(low), float(high)) for name, low, high in zip(names, lows, highs, strict=True)}


def _fix(model: Any, ranges: Ranges) -> None:
    """Give every activation its observed scale and zero point in place of one made for each batch."""
    for node in _dynamic(model):
        low, high = ranges[node.input[0]]
        scale = max(high - low, LEAST) / LEVELS
        values = np.float32(scale), np.uint8(np.clip(round(-low / scale), 0, LEVELS))
        quantised, *constants = node.output
        for name, value in zip(constants, values, strict=True):
            model.graph.initializer.append(numpy_helper.from_array(np.array(value), name))
        node.CopyFrom(
            helper.make_node("QuantizeLinear", [node.input[0], *constants], [quantised], name=node.name)
        )


@contextmanager
def _quietly() -> Iterator[None]:
    """The quantiser sets up logging for the whole process when it is imported, and reports on every node."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    try:
        root.handlers = [logging.NullHandler()]
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)
