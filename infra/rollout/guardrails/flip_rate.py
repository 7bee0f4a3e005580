"""Posts that both models saw: where they would act otherwise, people meet a change."""

from __future__ import annotations

from collections.abc import Iterable

from infra.rollout.estimate import Known
from infra.rollout.evidence import Evidence, Tally
from infra.rollout.guardrail import Guardrail, Question, Tolerance

ACCEPTED = 0.1


def questions(evidence: Evidence) -> Iterable[Question]:
    """Share of the pairs with another action."""
    yield Question("pairs", evidence.flips.after(Tally()), Known(ACCEPTED))


GUARDRAIL = Guardrail(
    name="flip_rate", title="Flips", worse="higher", tolerance=Tolerance(), questions=questions
)
