"""Which numbers a model is served with, as precision.json says it: whoever loads the folder loads that file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

PRECISION = "precision.json"
FLOAT_FILE, INT8_FILE = "model.onnx", "model.int8.onnx"


class Precision(BaseModel):
    """The macro average precisions are on the same posts; None where int8 was not tried or they cannot tell."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    served: Literal["float32", "int8"] = "float32"
    float32: float | None = Field(default=None, description="macro average precision with floats")
    int8: float | None = Field(default=None, description="macro average precision with 8-bit weights")
    reason: str = "the preset does not ask for int8"

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Of a model folder; floats where it says nothing."""
        path = folder / PRECISION
        return cls.model_validate_json(path.read_bytes()) if path.exists() else cls()

    @property
    def file(self) -> str:
        return INT8_FILE if self.served == "int8" else FLOAT_FILE

    def __str__(self) -> str:
        return f"{self.served}: {self.reason}"
