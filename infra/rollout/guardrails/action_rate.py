"""A model that acts on far more posts than the champion, or far fewer, changes what people may say."""

from __future__ import annotations

from collections.abc import Iterable

from infra.rollout.evidence import Evidence, Tally
from infra.rollout.guardrail import Guardrail, Question, Tolerance

NAME = "action_rate"


def questions(evidence: Evidence) -> Iterable[Question]:
    """Share of posts that each policy asks for an action on, and that each market sees one taken on."""
    arms = evidence.challenger, evidence.champion, evidence.history
    for policy in evidence.policies:
        yield _question(evidence, policy, *(arm.policies[policy] for arm in arms))
    for market in evidence.markets:
        yield _question(evidence, market, *(arm.markets[market] for arm in arms))


def _question(
    evidence: Evidence, subject: str, challenger: Tally, champion: Tally, before: Tally
) -> Question:
    promised = evidence.promises.of(NAME, subject)
    return Question(subject, challenger.after(before), champion.after(before), promised)


GUARDRAIL = Guardrail(
    name=NAME,
    title="Action rate",
    worse="either",
    tolerance=Tolerance(relative=0.05, absolute=0.001),
    questions=questions,
    importance=8.0,
)
