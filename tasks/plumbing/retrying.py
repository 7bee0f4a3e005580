"""Which failures may pass by themselves: a store or a network that was away, never a mistake in the input."""

from __future__ import annotations

from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun

from infra.objects import UnreachableError

DELAYS = (2, 5, 15, 45)  # seconds: a server that starts again is back by then
LANCE_AWAY = "LanceError(IO)"
MLFLOW_AWAY = ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE")


def may_pass(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:  # noqa: ARG001 - Prefect's signature
    """Whether to try a step again; for Prefect's `retry_condition_fn`."""
    from botocore.exceptions import ConnectionError as S3Away
    from botocore.exceptions import HTTPClientError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import OperationalError

    error = state.data
    if isinstance(error, UnreachableError):
        error = error.__cause__
    if isinstance(error, ValueError):
        return str(error).startswith(LANCE_AWAY)
    if isinstance(error, MlflowException):
        return error.error_code in MLFLOW_AWAY
    return isinstance(error, OSError | S3Away | HTTPClientError | OperationalError)


PATIENT: dict[str, Any] = {
    "retries": len(DELAYS),
    "retry_delay_seconds": list(DELAYS),
    "retry_condition_fn": may_pass,
}
