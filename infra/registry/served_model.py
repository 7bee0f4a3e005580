"""The code of the registered model (models-from-code): MLflow copies this file beside the bundle and runs it to load.

Input columns: text, and where there are any image, video (bytes or base64) and market. Output columns: one calibrated
score a policy, then action, then unread: as JSON, what of the post the model did not read, [] for nothing.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from infra.registry.frames import predicted
from models.bundle.bundle import Bundle


class ServedModel(PythonModel):  # type: ignore[misc]
    def load_context(self, context: PythonModelContext) -> None:
        self.bundle = Bundle.load(Path(context.artifacts["bundle"]))

    def predict(self, model_input: pd.DataFrame) -> pd.DataFrame:
        return predicted(self.bundle, model_input)


set_model(ServedModel())
