"""A post that a model fails on is decided by nobody."""

from __future__ import annotations

from collections.abc import Iterable

from infra.rollout.evidence import Evidence
from infra.rollout.guardrail import Guardrail, Question, Tolerance


def questions(evidence: Evidence) -> Iterable[Question]:
    """Share of the posts that got no decision."""
    before = evidence.history.requests
    yield Question(
        "all posts", evidence.challenger.requests.after(before), evidence.champion.requests.after(before)
    )


GUARDRAIL = Guardrail(
    name="error_rate",
    title="Errors",
    worse="higher",
    tolerance=Tolerance(relative=0.1, absolute=0.001),
    questions=questions,
    decisive=True,
    importance=6.0,
)
