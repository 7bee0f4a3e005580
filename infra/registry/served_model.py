"""The code of the registered model (models-from-code): MLflow copies this file beside the bundle and runs it to load.

Input columns: text, and where there are any image, video (bytes or base64) and market. Output columns: one calibrated
score a policy, then action, then unread: as JSON, what of the post the model did not read, [] for nothing.
"""

from __future__ import annotations

import base64
import json
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
        texts, images, videos, markets = (
            _column(model_input, name) for name in ("text", "image", "video", "market")
        )
        scores, missed = self.bundle.read(texts, [*map(_bytes, images)], [*map(_bytes, videos)])
        actions, _ = self.bundle.decide(scores, markets)
        table = pd.DataFrame(
            self.bundle.told(scores), columns=list(self.bundle.policies), index=model_input.index
        )
        unread = [json.dumps([item.model_dump(mode="json") for item in found]) for found in missed]
        return table.assign(action=[str(action) for action in actions], unread=unread)


def _column(frame: pd.DataFrame, name: str) -> list[Any]:
    if name not in frame:
        return [None] * len(frame)
    return [value if isinstance(value, (str, bytes)) else None for value in frame[name]]


def _bytes(given: str | bytes | None) -> bytes | None:
    return base64.b64decode(given, validate=True) if isinstance(given, str) else given


set_model(ServedModel())
