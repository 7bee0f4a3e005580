"""From logits to probabilities, policy by policy, as far as the judgements of the calibration split allow.

| judged violations         | map                                                                              |
|---------------------------|----------------------------------------------------------------------------------|
| nothing judged            | identity: the sigmoid of the logit                                               |
| under 20 on either side   | shift: one offset, so that the mean probability is the observed rate             |
| under 300                 | Platt scaling (Platt, 1999) with his smoothed targets                            |
| 300 and more              | isotonic regression, with a share of Platt's curve so that no two scores merge   |

Every map rises strictly with the logit, so calibration never changes a ranking. Where posts that nobody judged violate
by other odds than the judged ones, a map says what holds for those (`models.evaluation.prevalence`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Floats = NDArray[np.floating]

MIN_PLATT_POSTS = 20
MIN_ISOTONIC_POSTS = 300
MIXED_IN = 0.02  # Platt's share in an isotonic map: keeps the ranking on the flat steps
LEAST_ODDS = (
    0.01  # factor; the greatest is 1 / it: a sample of one class alone does not decide for the scores
)
STEPS = 50  # of Newton's method; it converges in about eight


class CalibrationMap(BaseModel):
    """probability = sigmoid(slope * logit + offset), blended with a piecewise-linear curve where `knots` are given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["identity", "shift", "platt", "isotonic"]
    judged: int
    violations: int
    slope: Annotated[float, Field(gt=0)] = 1.0
    offset: float = 0.0
    knots: tuple[tuple[float, float], ...] = Field(default=(), description="logit and probability, rising")
    odds: float = Field(
        default=1.0,
        gt=0,
        exclude_if=lambda odds: odds == 1,  # a release before reads what it knows
        description="by how much the odds of a violation differ from those among the judged posts",
    )

    @classmethod
    def fit(cls, logits: Floats, violates: NDArray[np.bool_]) -> Self:
        """logits, violates: [N] of the posts that were judged for this policy."""
        judged, violations = len(violates), int(violates.sum())
        counts = {"judged": judged, "violations": violations}
        if not judged:
            return cls(method="identity", **counts)
        logits = logits.astype(np.float64)
        if min(violations, judged - violations) < MIN_PLATT_POSTS:
            _, offset = _logistic(logits, violates, fixed_slope=True)
            return cls(method="shift", offset=offset, **counts)
        slope, offset = _logistic(logits, violates)
        if violations < MIN_ISOTONIC_POSTS:
            return cls(method="platt", slope=slope, offset=offset, **counts)
        return cls(method="isotonic", slope=slope, offset=offset, knots=_steps(logits, violates), **counts)

    def __call__(self, logits: Floats) -> Floats:
        """Probabilities of the logits' shape, float64: float32 would merge scores near 0 and 1."""
        curve = _sigmoid(self.slope * logits.astype(np.float64) + self.offset)
        if self.knots:
            at, probability = np.array(self.knots).T
            curve = MIXED_IN * curve + (1 - MIXED_IN) * np.interp(logits, at, probability)
        return _by_odds(curve, self.odds)


class Calibration(BaseModel):
    """One map a policy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    maps: dict[str, CalibrationMap]

    @classmethod
    def fit(cls, policies: tuple[str, ...], logits: Floats, labels: Floats) -> Self:
        """logits, labels: [N, P]; a label is the share of judgements that say the post violates, NaN for unknown."""
        known = ~np.isnan(labels)
        columns = {
            policy: (logits[known[:, i], i], labels[known[:, i], i]) for i, policy in enumerate(policies)
        }
        return cls(maps={policy: CalibrationMap.fit(x, y >= 0.5) for policy, (x, y) in columns.items()})  # noqa: PLR2004 - a majority

    def moved(self, odds: Mapping[str, float]) -> Self:
        """The same for posts whose odds of a violation differ by these factors; 1 for policies that are not named."""
        maps = {
            policy: it.model_copy(
                update={"odds": float(np.clip(odds.get(policy, 1.0), LEAST_ODDS, 1 / LEAST_ODDS))}
            )
            for policy, it in self.maps.items()
        }
        return type(self)(maps=maps)

    def among_judged(self, probabilities: Floats) -> Floats:
        """What probabilities [N, P] by `moved` maps were among posts like the judged ones."""
        odds = np.array([it.odds for it in self.maps.values()])
        return _by_odds(probabilities, 1 / odds)

    def __call__(self, logits: Floats) -> Floats:
        """Probabilities [N, P] from logits [N, P], in the order of `maps`."""
        columns = [apply(logits[:, i]) for i, apply in enumerate(self.maps.values())]
        return np.stack(columns, axis=1)


def _by_odds(probabilities: Floats, odds: Floats | float) -> Floats:
    """Probabilities by prior odds that are so many times as great (Saerens et al., 2002, equation 2.4)."""
    if np.all(np.equal(odds, 1)):
        return probabilities
    moved: Floats = probabilities * odds / (probabilities * odds + (1 - probabilities))
    return moved


def _sigmoid(logits: Floats) -> Floats:
    half: Floats = 0.5 * (1 + np.tanh(0.5 * logits))
    return half


def _logistic(
    logits: Floats, violates: NDArray[np.bool_], *, fixed_slope: bool = False
) -> tuple[float, float]:
    """Slope and offset of least log loss against Platt's targets, by Newton's method with a weak pull to slope 1."""
    positives, negatives = int(violates.sum()), int((~violates).sum())
    targets = np.where(violates, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    columns = np.stack([logits, np.ones_like(logits)])
    parameters, pull = np.array([1.0, 0.0]), np.diag([1.0, 1e-6])
    for _ in range(STEPS):
        fitted = _sigmoid(parameters @ columns)
        gradient = columns @ (fitted - targets) + pull @ (parameters - [1, 0])
        curvature = (columns * (fitted * (1 - fitted))) @ columns.T + pull
        if fixed_slope:
            gradient[0], curvature[0, 1], curvature[1, 0] = 0, 0, 0
        step = np.clip(np.linalg.solve(curvature, gradient), -2, 2)
        parameters = parameters - step
        parameters[0] = max(parameters[0], 0.01)  # a ranking is never turned round
        if np.abs(step).max() < 1e-9:  # noqa: PLR2004 - converged
            break
    return float(parameters[0]), float(parameters[1])


def _steps(logits: Floats, violates: NDArray[np.bool_]) -> tuple[tuple[float, float], ...]:
    """The mean logit and mean outcome of each step of the isotonic regression."""
    from sklearn.isotonic import isotonic_regression

    order = np.argsort(logits, kind="stable")
    fitted = isotonic_regression(violates[order].astype(np.float64))
    values, starts = np.unique(fitted, return_index=True)
    sizes = np.diff([*starts, len(fitted)])
    centres = np.add.reduceat(logits[order], starts) / sizes
    return tuple((float(at), float(value)) for at, value in zip(centres, values, strict=True))
