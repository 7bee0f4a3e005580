"""A guardrail: one thing about live traffic that a challenger may not worsen. One file in guardrails each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from infra.rollout.bets import TIMES, with_bets
from infra.rollout.comparison_test import against_at_most, against_more, mirrored
from infra.rollout.estimate import Interval, Line, Quantile, Sample
from infra.rollout.evidence import Evidence
from infra.rollout.onset import Harmed, one_more

NO_POSTS = "without posts yet"
MIN_TOLD_SHARE = 0.1  # of what a verdict takes, from which on it is told that earlier stages had shown it

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

    def most(self, promised: float, times: float = 1.0) -> Line:
        return Line(promised * (1 + times * self.relative), times * self.absolute)

    def least(self, promised: float, times: float = 1.0) -> Line:
        return Line(promised * (1 - times * self.relative), -times * self.absolute)


class Spending(NamedTuple):
    """How often a guardrail may err.

    harm: in how many rollouts it may stop a challenger that does no harm, over all stages and questions; health: in
    how many stages it may call one healthy that is not; stages: how many the plan has.
    """

    harm: float
    health: float
    stages: int = 1


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
    needed: float = Field(default=math.inf, description="log e-value of harm that a verdict takes by itself")
    earlier: float = Field(default=0.0, description="what the stages before had shown of `harm`")
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
            f"champion {_estimate(self.champion)}, allowed {self.allowed}{self._said_before}"
        )

    @property
    def _said_before(self) -> str:
        """Harm that this stage's values do not explain alone."""
        known = self.verdict == "unhealthy" and self.earlier >= MIN_TOLD_SHARE
        return f"; the stages before had shown {self.earlier:.0%} of what a verdict takes" if known else ""


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
    importance: float = 1.0  # its part of the error rate is this beside the sum of all that bind

    def read(self, evidence: Evidence, spending: Spending) -> list[Reading]:
        """The answer to every question; what they claim holds at all times together but for what is spent."""
        questions = list(self.questions(evidence))
        earlier = self._earlier(evidence, spending.stages)
        before = [
            one_more(earlier.get(it.subject), 0.0, len(evidence.earlier), spending.stages) for it in questions
        ]
        return [
            self._read(it, spending._replace(harm=spending.harm / len(questions)), known, evidence.balance)
            for it, known in zip(questions, before, strict=True)
        ]

    def _earlier(self, evidence: Evidence, stages: int) -> Harmed:
        """By subject, the evidence of the stages that are over."""
        if not evidence.earlier:
            return {}
        last = evidence.earlier[-1]
        if (known := last.harmed.get(self.name)) is None:
            before, stage = self._earlier(last, stages), len(last.earlier)
            known = {
                it.subject: one_more(before.get(it.subject), self.weigh(it, last.balance)[0], stage, stages)
                for it in self.questions(last)
            }
            last.harmed[self.name] = known
        return known

    def _read(self, question: Question, spending: Spending, before: float, balance: float) -> Reading:
        """spending: of this question alone; before: log R that it begins the stage with."""
        each = spending.harm / spending.stages  # the intervals are of one stage
        challenger, champion = question.challenger.interval(each), question.champion.interval(each)
        here, health = self.weigh(question, balance)
        harm = before + here
        needed, shown_healthy = -math.log(spending.harm), -math.log(spending.health)
        return Reading(
            guardrail=self.name,
            subject=question.subject,
            challenger=challenger,
            champion=champion,
            limit=self._limits(question.promised, champion.estimate),
            harm=harm / needed,
            health=health / shown_healthy,
            needed=needed,
            earlier=before / needed,
            verdict="unhealthy"
            if harm >= needed
            else "healthy"
            if health >= shown_healthy
            else "inconclusive",
            binding=self.binding,
            decisive=self.decisive,
        )

    def weigh(self, question: Question, balance: float = 0.5) -> tuple[float, float]:
        """Log e-values of one stage for harm, on whichever side, and for health, on both.

        balance: the part of the posts that is to be the challenger's, fixed before the first one.
        """
        champion, promised = question.champion.cells(), question.promised
        alike = question.challenger.cells((Line(sum(promised) / 2, 0.0),))
        harm, health = [], []
        if self.worse != "lower":
            most = self._lines(self.tolerance.most, promised[1])
            by_cells = against_at_most(question.challenger.cells(most), champion, most[0])
            harm.append(with_bets(question.challenger, question.champion, most, balance, by_cells))
            health.append(against_more(alike, champion, most[0]))
        if self.worse != "higher":
            least = self._lines(self.tolerance.least, promised[0])
            limit, opposite = Line(least[0].slope, -least[0].offset), mirrored(champion)
            by_cells = against_at_most(mirrored(question.challenger.cells(least)), opposite, limit)
            harm.append(with_bets(question.challenger, question.champion, least, balance, by_cells))
            health.append(against_more(mirrored(alike), opposite, limit))
        either = np.logaddexp.reduce(harm) - math.log(len(harm))  # the mean of e-values is one
        return float(either), min(health)

    @staticmethod
    def _lines(limit: Callable[[float, float], Line], promised: float) -> tuple[Line, ...]:
        return tuple(limit(promised, times) for times in (1.0, *TIMES))

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
        before = evidence.history.latencies
        arms = evidence.challenger, evidence.champion
        ours, theirs = (Quantile(arm.latencies, level, before) for arm in arms)
        yield Question("all posts", ours, theirs)

    return questions
