"""Watch live traffic: has it moved away from what the champion learned?"""

from __future__ import annotations

from typing import Annotated, cast

from prefect import flow
from prefect.states import Completed
from pydantic import Field

from infra.environment import entered
from tasks.plumbing.results import RESULTS
from tasks.release.watch import Looked, alarm, look

Hours = Annotated[float, Field(gt=0, le=24 * 90, description="Hours of decisions that are looked at.")]
CoolDown = Annotated[
    float, Field(ge=0, le=24 * 90, description="Hours between two retrainings that drift starts.")
]


@flow(name="watch", result_serializer=RESULTS, timeout_seconds=3600, retries=1, retry_delay_seconds=120)
def watch(hours: Hours = 24.0, cool_down_hours: CoolDown = 24.0) -> Looked:
    """Compare the last `hours` with the champion's snapshot; drift starts a retraining, once in a cool-down."""
    settings = entered()
    looked = look(settings, hours)
    raised = alarm(settings, looked, cool_down_hours)
    message = f"Drift, a retraining is due: {looked.told}" if raised else looked.told
    return cast("Looked", Completed(message=message, data=looked))
