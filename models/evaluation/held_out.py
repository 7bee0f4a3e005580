"""Whether thresholds keep their promise on posts that they were not derived from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from models.content import Action
from models.evaluation.operating_points import MAJORITY, OperatingPoint, OperatingPoints
from models.evaluation.scored import Scored
from models.policy import DEFAULT_MARKET

Floats = NDArray[np.floating]


class HeldOut(BaseModel):
    """One automatic action on the test split; precision is None where it met no post, recall without violations."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    market: str
    policy: str
    action: Action
    acted: int
    violations: int
    precision: float | None
    recall: float | None


def held_out(points: OperatingPoints, scored: Scored, probabilities: Floats) -> tuple[HeldOut, ...]:
    """Every automatic action on the judged posts of its market, the default ones on all markets."""
    automatic = [p for p in points.points if p.threshold is not None and p.action is not Action.REVIEW]
    return tuple(_held_out(point, scored, probabilities) for point in automatic)


def _held_out(point: OperatingPoint, scored: Scored, probabilities: Floats) -> HeldOut:
    column = scored.policies.index(point.policy)
    inside = (scored.market == point.market) | (point.market == DEFAULT_MARKET)
    known = inside & ~np.isnan(scored.labels[:, column])
    violates = scored.labels[known, column] >= MAJORITY
    acted = probabilities[known, column] >= (point.threshold or 0.0)
    hits = int((violates & acted).sum())
    return HeldOut(
        market=point.market,
        policy=point.policy,
        action=point.action,
        acted=int(acted.sum()),
        violations=int(violates.sum()),
        precision=hits / int(acted.sum()) if acted.any() else None,
        recall=hits / int(violates.sum()) if violates.any() else None,
    )
