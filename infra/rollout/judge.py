"""The judge: one verdict on a stage from every guardrail, at an error rate that holds for the whole rollout.

Two things may go wrong, each with the chance ERROR_RATE at most, however often the judge is asked:

- A challenger that does no harm is stopped. Of every question there is an e-value over all stages (onset.py). Their
  mean, weighed by what each may spend of the error rate, is one too, whatever they have to do with each other, so
  that it reaches 1 / ERROR_RATE with that chance at most (Ville); Vovk and Wang, "E-values: Calibration, combination
  and applications" (Annals of Statistics, 2021). One question that reaches its own threshold stops alone, as by
  Bonferroni; harm that shows in many, such as more actions by every policy, is found sooner.
- One that does harm passes a stage. It has to be shown healthy by all that is decisive, so the least of these claims
  bounds the chance of all (an intersection-union test, Berger 1982), and is shared among the stages alone.

Lindon, Sanden and Shirikian, "Rapid Regression Detection in Software Deployments through Sequential Testing" (arXiv
2205.14762), set out why canaries need control over time and over the family.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict

from infra.rollout.evidence import Evidence
from infra.rollout.guardrail import Guardrail, Reading, Spending, Verdict

ERROR_RATE = 0.01  # of rollouts that are stopped without harm, and of those that pass a stage with it
MAX_EXPONENT = 700.0  # of a logarithm whose exponential is still a float


class StageVerdict(BaseModel):
    """A verdict with the readings it rests on."""

    model_config = ConfigDict(frozen=True)

    verdict: Verdict
    readings: tuple[Reading, ...]

    @property
    def harm(self) -> float:
        """Evidence of harm in all that binds together, as a share of what a verdict takes."""
        together = sum(_weights(self.readings).values())
        return 1 + math.log(together) / -math.log(ERROR_RATE) if together else 0.0

    @property
    def reasons(self) -> tuple[Reading, ...]:
        """The readings that settled it: what is unhealthy, or what is not yet shown healthy."""
        binding = [reading for reading in self.readings if reading.binding]
        if self.verdict == "unhealthy":
            return tuple(reading for reading in binding if reading.verdict == "unhealthy")
        return tuple(r for r in binding if r.decisive and r.verdict != "healthy")


def judge(guardrails: Iterable[Guardrail], evidence: Evidence, stages: int) -> StageVerdict:
    """Unhealthy where what binds has shown harm; healthy where all that is decisive is; inconclusive otherwise.

    stages: how many stages the rollout has; `evidence` is of the one that it is in, and holds those before.
    """
    asked = list(guardrails)
    spent = zip(asked, spending(asked, stages), strict=True)
    readings = [reading for guardrail, its in spent for reading in guardrail.read(evidence, its)]
    told = _together(readings)
    return StageVerdict(verdict=_verdict(told), readings=told)


def spending(guardrails: Sequence[Guardrail], stages: int) -> list[Spending]:
    """What each guardrail may spend: of harm by its importance, so that those which bind spend ERROR_RATE together."""
    binding = sum(guardrail.importance for guardrail in guardrails if guardrail.binding)
    return [
        Spending(ERROR_RATE * it.importance / max(binding, it.importance), ERROR_RATE / stages, stages)
        for it in guardrails
    ]


def _together(readings: Sequence[Reading]) -> tuple[Reading, ...]:
    """With those unhealthy that show it together: the fewest that do, where none does alone."""
    weights = _weights(readings)
    if sum(weights.values()) < 1 or any(readings[place].verdict == "unhealthy" for place in weights):
        return tuple(readings)
    guilty: set[int] = set()
    found = 0.0
    for place in sorted(weights, key=lambda place: -weights[place]):
        if found < 1:
            found, guilty = found + weights[place], guilty | {place}
    return tuple(
        it.model_copy(update={"verdict": "unhealthy"}) if place in guilty else it
        for place, it in enumerate(readings)
    )


def _weights(readings: Sequence[Reading]) -> dict[int, float]:
    """Of what binds, by place: its part of the family's e-value, as a share of 1 / ERROR_RATE."""
    return {
        place: math.exp(min(MAX_EXPONENT, it.needed * (it.harm - 1)))
        for place, it in enumerate(readings)
        if it.binding and math.isfinite(it.needed)
    }


def _verdict(readings: Iterable[Reading]) -> Verdict:
    binding = [reading for reading in readings if reading.binding]
    if any(reading.verdict == "unhealthy" for reading in binding):
        return "unhealthy"
    decisive = [reading for reading in binding if reading.decisive]
    healthy = bool(decisive) and all(reading.verdict == "healthy" for reading in decisive)
    return "healthy" if healthy else "inconclusive"
