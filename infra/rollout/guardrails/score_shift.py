"""Scores are calibrated: their mean is the share of violations that the model believes in."""

from __future__ import annotations

from collections.abc import Iterable

from infra.rollout.evidence import Evidence
from infra.rollout.guardrail import Guardrail, Question, Tolerance

NAME = "score_shift"


def questions(evidence: Evidence) -> Iterable[Question]:
    """Mean calibrated score of each policy."""
    for policy in evidence.policies:
        challenger, champion = evidence.challenger.scores[policy], evidence.champion.scores[policy]
        before = evidence.history.scores[policy]
        promised = evidence.promises.of(NAME, policy)
        yield Question(policy, challenger.after(before), champion.after(before), promised)


GUARDRAIL = Guardrail(
    name=NAME,
    title="Score shift",
    worse="either",
    tolerance=Tolerance(relative=0.25, absolute=0.02),
    questions=questions,
)
