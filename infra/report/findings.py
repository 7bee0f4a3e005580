"""What a report is written from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from infra.report.mistakes import Seen
from models.bundle.functional import SuiteResult
from models.domain.policy import PolicySet
from models.evaluation.calibration import Calibration
from models.evaluation.comparison import Comparison
from models.evaluation.effects import Effects
from models.evaluation.held_out import HeldOut
from models.evaluation.operating_points import OperatingPoints
from models.evaluation.report import Report
from models.inference.precision import Precision


@dataclass(frozen=True)
class Findings:
    """`comparison` is None for a first champion; each check has gate, subject, value, bound, verdict and detail.

    made_at: UTC; modalities: the parts of a post that it looks at; mistakes: the worst, of each kind the dearest first.
    """

    candidate: str
    made_at: datetime
    snapshot: str
    preset: str
    counts: Mapping[str, int]
    warnings: Sequence[str]
    policy_set: PolicySet
    modalities: Sequence[str]
    report: Report
    comparison: Comparison | None
    operating_points: OperatingPoints
    effects: Effects
    held_out: Sequence[HeldOut]
    calibration: Calibration
    precision: Precision
    checks: Sequence[Mapping[str, Any]]
    left_out: Mapping[str, int] = field(
        default_factory=dict
    )  # posts of the lake, by why the snapshot lacks them
    mistakes: Sequence[Seen] = ()
    functional: Sequence[SuiteResult] = ()

    @property
    def accepted(self) -> bool:
        return not self.failed

    @property
    def failed(self) -> tuple[str, ...]:
        """Gates with a failed check, each once."""
        return tuple(dict.fromkeys(str(it["gate"]) for it in self.checks if it["verdict"] != "passed"))

    def title(self, policy: str) -> str:
        """A policy's, for people."""
        return next((it.title for it in self.policy_set.policies if it.key == policy), policy)
