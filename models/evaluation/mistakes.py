"""The worst mistakes of a model: where it was surest of the wrong answer about what matters most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.evaluation.predictions import Scored
from models.evaluation.thresholds import MAJORITY

Floats = NDArray[np.floating]
Kind = Literal["false alarm", "miss"]

SURE = 0.5  # confidence in the wrong answer from which an answer is called a mistake


@dataclass(frozen=True)
class Mistake:
    """One judged post that a model is wrong about for one policy.

    row: of the post among those that were scored; score: calibrated; violates: share of the judgements in [0, 1];
    cost: severity times the confidence in the wrong answer, 0 to 5.
    """

    kind: Kind
    policy: str
    severity: int
    score: float
    violates: float
    cost: float
    row: int


def worst_mistakes(
    scored: Scored, probabilities: Floats, severities: Mapping[str, int], most: int
) -> tuple[Mistake, ...]:
    """The dearest false alarms, then the dearest misses, at most so many of each; a post and its near-duplicates once.

    probabilities: calibrated [N, P].
    """
    wrong = sorted(_wrong(scored, probabilities, severities), key=lambda it: (-it.cost, it.row, it.policy))
    return tuple(
        mistake
        for kind in ("false alarm", "miss")
        for mistake in _once([it for it in wrong if it.kind == kind], scored, most)
    )


def _wrong(scored: Scored, probabilities: Floats, severities: Mapping[str, int]) -> Iterator[Mistake]:
    for column, policy in enumerate(scored.policies):
        labels, scores, severity = scored.labels[:, column], probabilities[:, column], severities[policy]
        violates = labels >= MAJORITY  # of an unknown it is False, and `known` leaves it out
        known = ~np.isnan(labels)
        confidence = np.where(violates, 1 - scores, scores)
        for row in np.flatnonzero(known & (confidence >= SURE)):
            yield Mistake(
                kind="miss" if violates[row] else "false alarm",
                policy=policy,
                severity=severity,
                score=float(scores[row]),
                violates=float(labels[row]),
                cost=severity * float(confidence[row]),
                row=int(row),
            )


def _once(mistakes: list[Mistake], scored: Scored, most: int) -> list[Mistake]:
    """The first of each cluster of near-duplicates."""
    first: dict[int, Mistake] = {}
    for mistake in mistakes:
        first.setdefault(int(scored.cluster[mistake.row]), mistake)
    return list(first.values())[:most]
