"""Where moderators judged a post on which the models disagree, one of the two was right."""

from __future__ import annotations

from collections.abc import Iterable

from infra.rollout.estimate import Known
from infra.rollout.evidence import Evidence, Tally
from infra.rollout.guardrail import Guardrail, Question, Tolerance

EVEN = 0.5


def questions(evidence: Evidence) -> Iterable[Question]:
    """Share of the judged disagreements that the challenger was right about."""
    yield Question("judged disagreements", evidence.right.after(Tally()), Known(EVEN))


GUARDRAIL = Guardrail(
    name="judged_right",
    title="Who was right",
    worse="lower",
    tolerance=Tolerance(absolute=0.05),
    questions=questions,
    importance=2.0,
)
