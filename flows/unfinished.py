"""What a flow leaves behind that does not come to its end, whoever ended it: `@flow(..., **TIDY)`."""

from __future__ import annotations

from typing import Any

from infra.environment import entered
from tasks.release.cancel import close, withdraw


def _cancelled(flow: Any, flow_run: Any, state: Any) -> None:  # noqa: ARG001 - Prefect calls it by these names
    withdraw(entered(), str(flow_run.id))


def _crashed(flow: Any, flow_run: Any, state: Any) -> None:  # noqa: ARG001 - Prefect calls it by these names
    close(entered(), str(flow_run.id))


TIDY: dict[str, Any] = {"on_cancellation": [_cancelled], "on_crashed": [_crashed]}
