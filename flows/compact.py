"""Keep the lake's tables fast: small files become large ones, indexes know of every row, old versions go."""

from __future__ import annotations

from typing import Annotated, cast

from prefect import flow
from prefect.states import Completed
from pydantic import Field

from infra.environment import entered
from tasks.data.compact import compact as merge
from tasks.plumbing.results import RESULTS

Days = Annotated[
    int, Field(ge=1, le=3650, description="Days that a retraining can go back with as_of; snapshots stay.")
]


@flow(name="compact", result_serializer=RESULTS, timeout_seconds=3 * 3600, retries=1, retry_delay_seconds=300)
def compact(keep_days: Days = 30) -> dict[str, int]:
    """Compact every table; versions older than `keep_days` go unless a snapshot names them."""
    merged = merge(entered(), keep_days)
    told = ", ".join(f"{table} {count}" for table, count in merged.items()) or "none: the lake is empty"
    return cast("dict[str, int]", Completed(message=f"files merged: {told}", data=merged))
