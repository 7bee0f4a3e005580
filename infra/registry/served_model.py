"""The code of the registered model (models-from-code): MLflow copies this file beside the bundle and runs it to load.

Input columns: text, and where there are any image (bytes or base64) and market. Output columns: one calibrated
score a policy, then action.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from models.serving.bundle import Bundle


class ServedModel(PythonModel):  # type: ignore[misc]
    def load_context(self, context: PythonModelContext) -> None:
        self.bundle = Bundle.load(Path(context.artifacts["bundle"]))

    def predict(self, model_input: pd.DataFrame) -> pd.DataFrame:
        texts, images, markets = (_column(model_input, name) for name in ("text", "image", "market"))
        scores = self.bundle.score(texts, [_bytes(image) for image in images])
        actions, _ = self.bundle.decide(scores, markets)
        table = pd.DataFrame(scores, columns=list(self.bundle.policies), index=model_input.index)
        return table.assign(action=[str(action) for action in actions])


def _column(frame: pd.DataFrame, name: str) -> list[Any]:
    if name not in frame:
        return [None] * len(frame)
    return [value if isinstance(value, (str, bytes)) else None for value in frame[name]]


def _bytes(image: str | bytes | None) -> bytes | None:
    return base64.b64decode(image, validate=True) if isinstance(image, str) else image


set_model(ServedModel())
