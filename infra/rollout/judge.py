"""The judge: one verdict on a stage from every guardrail, at an error rate that holds for the whole rollout.

False alarms are controlled over the family (Bonferroni: over stages, guardrails and their questions) and over time
(e-values that may be read at any time), so that the judge may be asked after every post. Lindon, Sanden and Shirikian,
"Rapid Regression Detection in Software Deployments through Sequential Testing" (arXiv 2205.14762), set out why canaries
need both.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from infra.rollout.evidence import Evidence
from infra.rollout.guardrail import Guardrail, Reading, Verdict

ERROR_RATE = 0.01  # of rollouts in which an interval ever misses what it is about


class Judgement(BaseModel):
    """A verdict with the readings it rests on."""

    model_config = ConfigDict(frozen=True)

    verdict: Verdict
    readings: tuple[Reading, ...]

    @property
    def reasons(self) -> tuple[Reading, ...]:
        """The readings that settled it: what is unhealthy, or what is not yet shown healthy."""
        binding = [reading for reading in self.readings if reading.binding]
        if self.verdict == "unhealthy":
            return tuple(reading for reading in binding if reading.verdict == "unhealthy")
        return tuple(r for r in binding if r.decisive and r.verdict != "healthy")


def judge(guardrails: Iterable[Guardrail], evidence: Evidence, stages: int) -> Judgement:
    """Unhealthy where any binding guardrail is; healthy where every decisive one is; inconclusive otherwise.

    stages: how many stages the rollout has, each of which spends its part of the error rate.
    """
    asked = list(guardrails)
    alpha = share_of_errors(asked, stages)
    readings = tuple(reading for guardrail in asked for reading in guardrail.read(evidence, alpha))
    return Judgement(verdict=_verdict(readings), readings=readings)


def share_of_errors(guardrails: Iterable[Guardrail], stages: int) -> float:
    """The part of the error rate that one guardrail may spend in one stage."""
    return ERROR_RATE / stages / max(1, sum(guardrail.binding for guardrail in guardrails))


def _verdict(readings: Iterable[Reading]) -> Verdict:
    binding = [reading for reading in readings if reading.binding]
    if any(reading.verdict == "unhealthy" for reading in binding):
        return "unhealthy"
    decisive = [reading for reading in binding if reading.decisive]
    healthy = bool(decisive) and all(reading.verdict == "healthy" for reading in decisive)
    return "healthy" if healthy else "inconclusive"
