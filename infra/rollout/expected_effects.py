"""What evaluation promised of a challenger before it met traffic: by how much it would act more, or less.

A challenger that learned new slang acts on more posts than the champion, and should. What is suspicious is a change
that the test posts did not foretell.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Factors = tuple[float, float]
UNCHANGED: Factors = (1.0, 1.0)


class ExpectedEffects(BaseModel):
    """Least and greatest expected factor on the champion's value, by guardrail and subject."""

    model_config = ConfigDict(frozen=True)

    factors: dict[str, dict[str, Factors]] = {}

    def of(self, guardrail: str, subject: str) -> Factors:
        return self.factors.get(guardrail, {}).get(subject, UNCHANGED)
