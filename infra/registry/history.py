"""The last retraining runs, for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from infra.registry.registry import KEY, Registry
from infra.registry.status import STATUS
from infra.registry.store import is_empty


@dataclass(frozen=True)
class PastRun:
    """`verdict` is accepted or rejected, empty before evaluation; `became` what followed: promoted, superseded, rolled
    back, or the verdict where nothing did.
    """

    run_id: str
    name: str
    status: str
    started_at: datetime
    verdict: str
    macro_average_precision: float | None
    became: str = ""


def last_runs(registry: Registry, count: int) -> list[PastRun]:
    """The newest runs first."""
    if is_empty(registry.settings):
        return []
    found = registry.client.search_runs(
        [registry.experiment_id],
        filter_string=f"tags.`{KEY}` != ''",
        order_by=["attributes.start_time DESC"],
        max_results=count,
    )
    return [
        PastRun(
            run_id=run.info.run_id,
            name=run.info.run_name or "",
            status=run.info.status,
            started_at=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
            verdict=run.data.tags.get("moderato.verdict", ""),
            macro_average_precision=run.data.metrics.get("macro_average_precision"),
            became=run.data.tags.get(STATUS, run.data.tags.get("moderato.verdict", "")),
        )
        for run in found
    ]
