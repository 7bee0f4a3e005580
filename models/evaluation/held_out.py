"""Whether thresholds keep their promise on posts that they were not derived from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from models.domain.content import Action
from models.domain.policy import DEFAULT_MARKET
from models.evaluation.cross_fit import Held
from models.evaluation.operating_points import OperatingPoint, OperatingPoints
from models.evaluation.thresholds import MAJORITY


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


def held_out(points: OperatingPoints, parts: Sequence[Held]) -> tuple[HeldOut, ...]:
    """Every automatic action on the judged posts that it decides, the default ones where a market has none of its own.

    `points` are what is served; each part has thresholds that were not derived from it, those where test posts were not
    needed for any.
    """
    automatic = [p for p in points.points if p.threshold is not None and p.action is not Action.REVIEW]
    return tuple(_held_out(point, parts) for point in automatic)


def _held_out(point: OperatingPoint, parts: Sequence[Held]) -> HeldOut:
    counts = np.sum([_counts(point, part) for part in parts], axis=0, dtype=int)
    acted, hits, violations = counts.tolist() if len(parts) else (0, 0, 0)
    return HeldOut(
        market=point.market,
        policy=point.policy,
        action=point.action,
        acted=acted,
        violations=violations,
        precision=hits / acted if acted else None,
        recall=hits / violations if violations else None,
    )


def _counts(point: OperatingPoint, part: Held) -> tuple[int, int, int]:
    """Posts acted on, violations among them, and violations."""
    scored, column = part.scored, part.scored.policies.index(point.policy)
    others = ~np.isin(scored.market, part.points.markets)
    inside = others if point.market == DEFAULT_MARKET else scored.market == point.market
    known = inside & ~np.isnan(scored.labels[:, column])
    violates = scored.labels[known, column] >= MAJORITY
    acted = part.probabilities[known, column] >= part.points.threshold(point)
    return int(acted.sum()), int((violates & acted).sum()), int(violates.sum())
