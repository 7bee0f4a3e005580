"""What a report is written from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.evaluation.calibration import Calibration
from models.evaluation.comparison import Comparison
from models.evaluation.effects import Effects
from models.evaluation.held_out import HeldOut
from models.evaluation.measurement import Report
from models.evaluation.operating_points import OperatingPoints
from models.policy import PolicySet
from models.serving.precision import Precision


@dataclass(frozen=True)
class Findings:
    """`comparison` is None for a first champion; each check has gate, subject, value, bound, verdict and detail."""

    candidate: str
    snapshot: str
    preset: str
    counts: Mapping[str, int]
    warnings: Sequence[str]
    policy_set: PolicySet
    report: Report
    comparison: Comparison | None
    operating_points: OperatingPoints
    effects: Effects
    held_out: Sequence[HeldOut]
    calibration: Calibration
    precision: Precision
    checks: Sequence[Mapping[str, Any]]
