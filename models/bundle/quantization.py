"""Eight bits for the matrix products of an exported model: weights, and what they are multiplied with.

An activation's range is observed beforehand on real posts, not taken anew from each batch: a post's score then never
depends on the posts beside it, which one odd post could otherwise coarsen. Weights keep to half of their range, so
that sums cannot overflow on processors without VNNI and every processor computes the same integers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

Feed = Mapping[str, NDArray[np.generic]]

PRODUCT = "MatMul"
MATRIX = 2  # axes


class Posts(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Inputs of real posts, as onnxruntime asks for them."""

    def __init__(self, feeds: Iterable[Feed]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> dict[str, NDArray[np.generic]] | None:
        return next((dict(feed) for feed in self._feeds), None)


def quantize(model: Path, to: Path, feeds: Iterable[Feed]) -> None:
    """Write `model` with its products by weights in eight bits to `to`; `feeds` are inputs of real posts.

    The same model and feeds give the same bytes. A model without such products is written as it is.
    """
    whole = onnx.load(model)
    weights = {tensor.name for tensor in whole.graph.initializer if len(tensor.dims) == MATRIX}
    products = [
        node.name for node in whole.graph.node if node.op_type == PRODUCT and node.input[1] in weights
    ]
    if not products:
        onnx.save(whole, to)
        return
    with _without_advice():
        quantize_static(
            whole,
            to,
            Posts(feeds),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=[PRODUCT],
            nodes_to_quantize=products,
            per_channel=True,  # a scale for each column of a weight
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"OpTypesToExcludeOutputQuantization": [PRODUCT]},
        )


@contextmanager
def _without_advice() -> Iterator[None]:
    """It is told to have the graph simplified first, which onnxruntime does itself whenever it loads one."""
    log = logging.getLogger()

    def other(record: logging.LogRecord) -> bool:
        return "pre-processing before quantization" not in record.getMessage()

    log.addFilter(other)
    try:
        yield
    finally:
        log.removeFilter(other)
