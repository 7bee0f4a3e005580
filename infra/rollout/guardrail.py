"""A guardrail: one thing about live traffic that a challenger may not worsen. One file in guardrails each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from infra.rollout.contrast import Line, against_at_most, against_more, mirrored
from infra.rollout.evidence import Evidence
from infra.rollout.sample import Interval, Quantile, Sample

NO_POSTS = "without posts yet"

Worse = Literal["higher", "lower", "either"]
Verdict = Literal["healthy", "unhealthy", "inconclusive"]


@dataclass(frozen=True)
class Question:
    """One comparison: what is known of both models on one subject.

    promised: between which factors on the champion's value the challenger's was expected before it met traffic.
    """

    subject: str
    challenger: Sample
    champion: Sample
    promised: tuple[float, float] = (1.0, 1.0)


class Tolerance(BaseModel):
    """How much worse than the champion's value is accepted: a factor on it, and an amount beside that."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    relative: float = Field(default=0.0, ge=0)
    absolute: float = Field(default=0.0, ge=0)

    def most(self, promised: float) -> Line:
        return Line(promised * (1 + self.relative), self.absolute)

    def least(self, promised: float) -> Line:
        return Line(promised * (1 - self.relative), -self.absolute)


class Reading(BaseModel):
    """One question as it was answered at one time."""

    model_config = ConfigDict(frozen=True)

    guardrail: str
    subject: str
    challenger: Interval
    champion: Interval
    limit: tuple[float, float] = Field(description="what the champion's estimate and the tolerance allow")
    harm: float = Field(description="evidence of harm as a share of what a verdict takes")
    health: float = Field(default=0.0, description="the same of health")
    verdict: Verdict
    binding: bool
    decisive: bool

    @property
    def allowed(self) -> str:
        low, high = self.limit
        if math.isnan(low) or math.isnan(high):
            return "what the champion's posts will say"
        if high == math.inf:
            return f"at least {low:.4g}"
        return f"at most {high:.4g}" if low == -math.inf else f"{low:.4g} to {high:.4g}"

    @property
    def told(self) -> str:
        """In a sentence: the values, where they can lie, and what is allowed."""
        return (
            f"{self.guardrail} of {self.subject} is {self.verdict}: challenger {shown(self.challenger)}, "
            f"champion {_estimate(self.champion)}, allowed {self.allowed}"
        )


def shown(found: Interval) -> str:
    """An estimate and where it can lie, for people."""
    if math.isnan(found.estimate):
        return NO_POSTS
    return f"{found.estimate:.4g} ({found.low:.4g} to {found.high:.4g})"


def _estimate(found: Interval) -> str:
    return NO_POSTS if math.isnan(found.estimate) else f"{found.estimate:.4g}"


@dataclass(frozen=True)
class Guardrail:
    """`decisive` ones must be shown healthy before a stage may end; the others only stop what is shown unhealthy.

    `binding` is False for a dry run: measured and reported, without a say.
    """

    name: str
    title: str
    worse: Worse
    tolerance: Tolerance
    questions: Callable[[Evidence], Iterable[Question]]
    decisive: bool = False
    binding: bool = True

    def read(self, evidence: Evidence, alpha: float) -> list[Reading]:
        """The answer to every question; all that they claim holds at all times together with probability 1 - alpha."""
        questions = list(self.questions(evidence))
        return [self._read(question, alpha / len(questions)) for question in questions]

    def _read(self, question: Question, alpha: float) -> Reading:
        challenger, champion = question.challenger.interval(alpha), question.champion.interval(alpha)
        harm, health = self.weigh(question)
        needed = -math.log(alpha)
        limits = self._limits(question.promised, champion.estimate)
        return Reading(
            guardrail=self.name,
            subject=question.subject,
            challenger=challenger,
            champion=champion,
            limit=limits,
            harm=harm / needed,
            health=health / needed,
            verdict="unhealthy" if harm >= needed else "healthy" if health >= needed else "inconclusive",
            binding=self.binding,
            decisive=self.decisive,
        )

    def weigh(self, question: Question) -> tuple[float, float]:
        """Log e-values for harm, on whichever side, and for health, on both."""
        challenger, champion = question.challenger.cells(), question.champion.cells()
        harm, health = [], []
        if self.worse != "lower":
            most = self.tolerance.most(question.promised[1])
            harm.append(against_at_most(challenger, champion, most))
            health.append(against_more(challenger, champion, most))
        if self.worse != "higher":
            least = self.tolerance.least(question.promised[0])
            sides = mirrored(challenger), mirrored(champion), Line(least.slope, -least.offset)
            harm.append(against_at_most(*sides))
            health.append(against_more(*sides))
        return max(harm), min(health)

    def _limits(self, promised: tuple[float, float], value: float) -> tuple[float, float]:
        """The least and the most that the challenger may have beside this value of the champion's."""
        least, most = self.tolerance.least(promised[0]), self.tolerance.most(promised[1])
        return (
            least.slope * value + least.offset if self.worse != "higher" else -math.inf,
            most.slope * value + most.offset if self.worse != "lower" else math.inf,
        )


def latency_at(level: float) -> Callable[[Evidence], Iterable[Question]]:
    """The question about one quantile of the milliseconds from a post's turn to its decision."""

    def questions(evidence: Evidence) -> Iterable[Question]:
        ours, theirs = (Quantile(arm.latencies, level) for arm in (evidence.challenger, evidence.champion))
        yield Question("all posts", ours, theirs)

    return questions
