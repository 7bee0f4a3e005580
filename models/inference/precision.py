"""In which precision a bundle is served, and what that was decided on: serving.json."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

ONNX: Literal["model.onnx"] = "model.onnx"
INT8: Literal["model.int8.onnx"] = "model.int8.onnx"
SERVING = "serving.json"
UNASKED = "the preset does not ask for 8-bit weights"


class Precision(BaseModel):
    """The figures are None where nobody asked for eight bits, or no judged post could tell."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    serves: Literal["model.onnx", "model.int8.onnx"] = ONNX
    reason: str = UNASKED
    float_average_precision: float | None = Field(
        default=None, description="macro average precision on the calibration and validation splits"
    )
    int8_average_precision: float | None = None
    least_difference: float | None = Field(
        default=None, description="int8 less float: the lowest that the posts do not rule out"
    )
    difference_bound: float | None = None
    shift: float | None = Field(
        default=None, description="99th percentile of how far an uncalibrated score moves"
    )
    shift_bound: float | None = None

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What serving.json in `folder` says; float where there is none, as training leaves a model."""
        path = folder / SERVING
        return cls.model_validate_json(path.read_bytes()) if path.exists() else cls()

    @property
    def name(self) -> str:
        return "int8" if self.serves == INT8 else "float32"

    def metrics(self) -> dict[str, float]:
        """The two figures by the names they have in a run; empty where there are none."""
        found = {"float32": self.float_average_precision, "int8": self.int8_average_precision}
        return {
            f"serving_{name}_average_precision": value for name, value in found.items() if value is not None
        }
