"""A gate: one question that a candidate must answer before it may decide. One file in tasks/gates each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from models.bundle.functional import SuiteResult
from models.evaluation.comparison import Comparison
from models.evaluation.effects import Effects
from models.evaluation.operating_points import OperatingPoints
from models.evaluation.report import Report
from tasks.plumbing.handle import Handle


@dataclass(frozen=True)
class Evidence:
    """What gates may ask about. `comparison` is None for a first champion; `functional` are the project's suites."""

    report: Report
    comparison: Comparison | None
    operating_points: OperatingPoints
    effects: Effects
    latency_ms: float
    size_bytes: int
    parity: float
    functional: tuple[SuiteResult, ...] = ()


class Check(Handle):
    """One answer. `value` is None where the test split cannot tell."""

    gate: str
    subject: str
    value: float | None
    bound: float
    passed: bool
    detail: str

    @property
    def verdict(self) -> Literal["passed", "failed"]:
        return "passed" if self.passed else "failed"


@dataclass(frozen=True)
class Gate:
    """`checks` answers from the evidence; an empty answer means that the question does not arise."""

    name: str
    title: str
    checks: Callable[[Evidence], list[Check]]
