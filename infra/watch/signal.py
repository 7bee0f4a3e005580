"""A signal: one thing about live traffic that may move away from what the champion learned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from infra.watch.view import Floats, View

SIDES = {
    "either": "two-sided",
    "falls": "less",
    "rises": "greater",
}  # of the reference's distribution function
MAX_AUTHOR_POSTS = 3  # posts of an author that tell of a model's quality: more of them are alike
MIN_POSTS = 30  # posts of a side below which a subject is unknown

Verdict = Literal["within", "beyond", "unknown"]
Direction = Literal["rises", "falls", "either"]
Shares = Callable[[View], Mapping[str, tuple[int, int]]]  # by subject: how many, and of how many
Samples = Callable[[View], Mapping[str, Floats]]  # by subject


class Finding(BaseModel):
    """One subject of one signal. `value` is what is held against `bound`; the interval is of the live side."""

    model_config = ConfigDict(frozen=True)

    signal: str
    subject: str
    reference: float | None
    live: float | None
    low: float | None
    high: float | None
    value: float | None
    bound: float
    verdict: Verdict
    retrains: bool

    @property
    def told(self) -> str:
        """One line for people."""
        if self.live is None or self.reference is None:
            return f"{self.signal}, {self.subject}: too few posts"
        return f"{self.signal}, {self.subject}: {self.live:.3g} against {self.reference:.3g}"


@dataclass(frozen=True)
class Question:
    """One subject with both sides, before it is known how many there are to share the false alarms."""

    subject: str
    answer: Callable[[float], Answer]


@dataclass(frozen=True)
class Answer:
    """`value` beyond the bound, and shown at the level of significance asked for."""

    reference: float | None = None
    live: float | None = None
    low: float | None = None
    high: float | None = None
    value: float | None = None
    shown: bool = False


@dataclass(frozen=True)
class Signal:
    """`bound` is what `ask`'s values are held against; what is beyond starts a retraining where it `retrains`.

    `an_author` is how many posts of an author count, so that reposts are no trend.
    """

    name: str
    description: str
    bound: float
    ask: Callable[[View, View], Iterable[Question]]
    retrains: bool = False
    an_author: int = 1

    def find(self, questions: Iterable[Question], alpha: float) -> list[Finding]:
        """The verdict on each subject, each at significance `alpha`."""
        return [self._finding(question.subject, question.answer(alpha)) for question in questions]

    def _finding(self, subject: str, answer: Answer) -> Finding:
        beyond = answer.value is not None and answer.value > self.bound and answer.shown
        return Finding(
            signal=self.name,
            subject=subject,
            reference=answer.reference,
            live=answer.live,
            low=answer.low,
            high=answer.high,
            value=answer.value,
            bound=self.bound,
            verdict="unknown" if answer.value is None else "beyond" if beyond else "within",
            retrains=self.retrains,
        )


def shares(count: Shares, direction: Direction) -> Callable[[View, View], list[Question]]:
    """Ask whether a share moved: by more than the bound, and further than both intervals reach (Wilson, 1927)."""

    def ask(reference: View, live: View) -> list[Question]:
        before, now = count(reference), count(live)
        return [
            _share(subject, before[subject], now[subject], direction) for subject in before if subject in now
        ]

    return ask


def samples(values: Samples, direction: Direction = "either") -> Callable[[View, View], list[Question]]:
    """Ask whether a distribution moved: the Kolmogorov-Smirnov distance of two samples, to one side or to either."""

    def ask(reference: View, live: View) -> list[Question]:
        before, now = values(reference), values(live)
        return [
            _sample(subject, before[subject], now[subject], direction) for subject in before if subject in now
        ]

    return ask


def _share(subject: str, before: tuple[int, int], now: tuple[int, int], direction: Direction) -> Question:
    def answer(alpha: float) -> Answer:
        from scipy.stats import binomtest

        if min(before[1], now[1]) < MIN_POSTS:
            return Answer()
        old, new = (binomtest(k, n).proportion_ci(1 - alpha, "wilson") for k, n in (before, now))
        reference, live = before[0] / before[1], now[0] / now[1]
        rises, falls = live - reference, reference - live
        value = {"rises": rises, "falls": falls, "either": abs(rises)}[direction]
        shown = new.low > old.high if rises > 0 else new.high < old.low
        return Answer(reference, live, float(new.low), float(new.high), value, bool(shown))

    return Question(subject, answer)


def _sample(subject: str, before: Floats, now: Floats, direction: Direction) -> Question:
    def answer(alpha: float) -> Answer:
        from scipy.stats import ks_2samp

        if min(len(before), len(now)) < MIN_POSTS:
            return Answer()
        found = ks_2samp(before, now, SIDES[direction], method="asymp")
        distance = float(found.statistic)
        return Answer(
            float(before.mean()), float(now.mean()), value=distance, shown=bool(found.pvalue < alpha)
        )

    return Question(subject, answer)
