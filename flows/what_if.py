"""What if: other objectives on what a version has scored. Nothing is trained, stored or changed."""

from __future__ import annotations

from typing import Any, cast

from prefect import flow
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import Field

from flows.form import Group, choice
from infra.environment import entered
from infra.settings import Settings
from models.policies import POLICY_SETS
from tasks.plumbing.results import RESULTS
from tasks.scoring.what_if import Tried, per_thousand
from tasks.scoring.what_if import what_if as decide


class Question(Group):
    """What to try."""

    policy_set: str = Field(
        default="community_guidelines",
        description="Policy set whose objectives are tried.",
        json_schema_extra=choice(POLICY_SETS, "policy_set"),
    )
    changes: tuple[str, ...] = Field(
        default=(),
        description="Objectives to change in it, MARKET.FIELD=VALUE: DE.remove=0.98, default.review_share=0.05.",
    )
    version: str = Field(
        default="champion",
        min_length=1,
        description="The version whose scores are used: champion, challenger or a number.",
    )


def _named() -> str:
    asked, start = flow_run.parameters["question"], flow_run.scheduled_start_time
    return " ".join([f"{start:%Y-%m-%d %H:%M} {asked.policy_set} on {asked.version}", *asked.changes])


@flow(name="what_if", result_serializer=RESULTS, flow_run_name=_named)
def what_if(question: Question = Question()) -> Tried:
    """What would change in a thousand posts; the table is among the run's artifacts."""
    tried = decide(entered(), question.policy_set, question.changes, question.version)
    found = tried.found
    share = per_thousand(found.changed / found.posts if found.posts else 0.0)
    return cast("Tried", Completed(message=f"Another action on {share} of a thousand posts", data=tried))


def defaults(settings: Settings) -> dict[str, dict[str, Any]]:
    """What the form shows first: the settings' own policy set."""
    return {"question": Question(policy_set=settings.policy_set).model_dump(mode="json")}
