"""Eight bits for the matrix products of an exported model: weights, and what they are multiplied with.

An activation's range is observed beforehand on real posts, not taken anew from each batch: a post's score then never
depends on the posts beside it, which one odd post could otherwise coarsen. Weights keep to half of their range, so
that sums cannot overflow on processors without VNNI and every processor computes the same integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Feed = Mapping[str, NDArray[np.generic]]
Ranges = dict[str, tuple[float, float]]

LEVELS = 255  # of an activation above its lowest, an unsigned byte
LARGEST = 64  # of a weight, a signed byte of which half is used
LEAST = 1e-12  # width of a step; a tensor that is always zero has none
MATRIX = 2  # axes


def quantise(model: Path, to: Path, feeds: Iterable[Feed]) -> None:
    """Write `model` with its products by weights in eight bits to `to`; `feeds` are inputs of real posts.

    The same model and feeds give the same bytes. A model without such products is written as it is.
    """
    graph = onnx.load(model)
    weights = {tensor.name: tensor for tensor in graph.graph.initializer if len(tensor.dims) == MATRIX}
    products = [node for node in graph.graph.node if node.op_type == "MatMul" and node.input[1] in weights]
    ranges = _observe(onnx.load(model), sorted({node.input[0] for node in products}), feeds)
    before: dict[str, list[Any]] = {}  # nodes that an activation or a weight needs, by its name
    for node in products:
        activation, weight = node.input
        if activation not in before:
            before[activation] = _activation(graph.graph, activation, *ranges[activation])
        if weight not in before:
            before[weight] = _weight(graph.graph, weights[weight])
        node.input[:] = [f"{activation}.near", f"{weight}.near"]
    _place(graph.graph, before)
    onnx.save(graph, to)


def _observe(model: Any, names: list[str], feeds: Iterable[Feed]) -> Ranges:
    """The least and greatest value that each tensor took, 0 included."""
    if not names:
        return {}
    outputs = [f"{name}.{reduction}" for reduction in ("ReduceMin", "ReduceMax") for name in names]
    for output in outputs:
        name, _, reduction = output.rpartition(".")
        model.graph.node.append(helper.make_node(reduction, [name], [output], keepdims=0))
        model.graph.output.append(helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, []))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = np.array([session.run(outputs, dict(feed)) for feed in feeds]).reshape(-1, 2, len(names))
    lows, highs = found[:, 0].min(axis=0, initial=0), found[:, 1].max(axis=0, initial=0)
    return {name: (float(low), float(high)) for name, low, high in zip(names, lows, highs, strict=True)}


def _activation(graph: Any, name: str, low: float, high: float) -> list[Any]:
    """Nodes that round the tensor to a byte and back, which onnxruntime joins with the product."""
    scale = max((high - low) / LEVELS, LEAST)
    steps = [f"{name}.scale", f"{name}.zero"]
    graph.initializer.append(numpy_helper.from_array(np.array(scale, np.float32), steps[0]))
    graph.initializer.append(numpy_helper.from_array(np.array(round(-low / scale), np.uint8), steps[1]))
    return [
        helper.make_node("QuantizeLinear", [name, *steps], [f"{name}.bytes"], name=f"{name}.quantise"),
        helper.make_node(
            "DequantizeLinear", [f"{name}.bytes", *steps], [f"{name}.near"], name=f"{name}.widen"
        ),
    ]


def _weight(graph: Any, tensor: Any) -> list[Any]:
    """The node that widens a weight [K, N], which becomes signed bytes with a scale for each column."""
    name, values = tensor.name, numpy_helper.to_array(tensor)
    scale = np.maximum(np.abs(values).max(axis=0) / LARGEST, LEAST).astype(np.float32)
    stored = {
        "bytes": np.rint(values / scale).astype(np.int8),
        "scale": scale,
        "zero": np.zeros(len(scale), np.int8),
    }
    for part, array in stored.items():
        graph.initializer.append(numpy_helper.from_array(array, f"{name}.{part}"))
    inputs = [f"{name}.{part}" for part in stored]
    return [helper.make_node("DequantizeLinear", inputs, [f"{name}.near"], name=f"{name}.widen", axis=1)]


def _place(graph: Any, before: dict[str, list[Any]]) -> None:
    """Put the new nodes ahead of the first product that needs them, and drop weights that nothing reads now."""
    nodes, waiting = [], {group[-1].output[0]: group for group in before.values()}
    for node in graph.node:
        for name in node.input:
            nodes += waiting.pop(name, [])
        nodes.append(node)
    read = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in read]
    for field, entries in (("node", nodes), ("initializer", kept), ("value_info", [])):
        copies = [
            type(entry).FromString(entry.SerializeToString()) for entry in entries
        ]  # clearing frees them
        graph.ClearField(field)
        getattr(graph, field).extend(copies)
