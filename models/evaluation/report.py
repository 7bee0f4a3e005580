"""What a model is worth on the test split, with bootstrap intervals, and how it compares with another one."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from models.evaluation.metrics import (
    COLUMN_BUDGET,
    Curve,
    average_precision,
    bootstrap_weights,
    calibration_error,
    chunks,
    shuffled_precision,
)
from models.evaluation.predictions import Scored
from models.evaluation.thresholds import MAJORITY

Floats = NDArray[np.floating]

RESAMPLES = 300
INTERVAL = (2.5, 97.5)  # percentiles
LEAST_VIOLATIONS = 10  # of a policy in a slice before the slice's average precision means anything


class Figure(BaseModel):
    """A value and its 95 % bootstrap interval; all None where it is undefined."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float | None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, samples: Floats) -> Self:
        """samples: the estimate, then its resamples; NaN where undefined.

        The interval holds the estimate: resamples of an error lie above it, as resampling adds noise of its own.
        """
        value = float(samples[0])
        if np.isnan(value):
            return cls(value=None)
        low, high = np.nanpercentile(samples, INTERVAL)
        return cls(value=value, low=min(float(low), value), high=max(float(high), value))


class PolicyReport(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: str
    judged: int
    violations: int
    average_precision: Figure
    recall: dict[str, Figure]
    calibration_error: Figure


class SliceReport(BaseModel):
    """`policies` are those with enough judged violations in the slice; the average precision is their mean."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dimension: str
    name: str
    posts: int
    policies: tuple[str, ...]
    average_precision: Figure


class Report(BaseModel):
    """`chance` is the macro average precision of shuffled rankings: the mean, and what 95 % of them lie between."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    posts: int
    macro_average_precision: Figure
    macro_calibration_error: Figure
    chance: Figure
    policies: tuple[PolicyReport, ...]
    slices: tuple[SliceReport, ...]

    def metrics(self) -> dict[str, float | None]:
        """Flat names and values, as MLflow keeps them; None where undefined."""
        return {name: figure.value for name, figure in self._figures().items()}

    def _figures(self) -> dict[str, Figure]:
        figures = {
            "macro_average_precision": self.macro_average_precision,
            "macro_calibration_error": self.macro_calibration_error,
        }
        for policy in self.policies:
            figures[f"average_precision.{policy.policy}"] = policy.average_precision
            figures[f"calibration_error.{policy.policy}"] = policy.calibration_error
            figures |= {
                f"recall_at_{name}_precision.{policy.policy}": found for name, found in policy.recall.items()
            }
        return figures

    def bounds(self) -> dict[str, float | None]:
        """The intervals' ends of what `metrics` names, and every slice."""
        parts = {f"slice.{part.dimension}.{part.name}": part.average_precision for part in self.slices}
        ends = {
            f"{name}.{end}": getattr(figure, end)
            for name, figure in (self._figures() | parts).items()
            for end in ("low", "high")
        }
        return ends | {name: figure.value for name, figure in parts.items()}


@dataclass(frozen=True)
class _Judged:
    """The posts that were judged for one policy; violates, scores: [M]; weights: [M, B]."""

    violates: NDArray[np.bool_]
    scores: Floats
    weights: NDArray[np.integer]

    @classmethod
    def of(cls, scored: Scored, scores: Floats, weights: NDArray[np.integer], column: int) -> Self:
        known = ~np.isnan(scored.labels[:, column])
        return cls(scored.labels[known, column] >= MAJORITY, scores[known, column], weights[known])

    @property
    def defined(self) -> bool:
        return bool(self.violates.any() and not self.violates.all())

    def recall(self, precision: float) -> Floats:
        if not self.defined:
            return np.full(self.weights.shape[1], np.nan)
        pieces = [Curve.of(self.violates, self.scores, chunk) for chunk in chunks(self.weights)]
        return np.concatenate([piece.recall_at(precision) for piece in pieces])


def measure(scored: Scored, probabilities: Floats, precisions: Mapping[str, float], *, seed: int) -> Report:
    """Every figure on the test split; `precisions` names the precision objectives that recall is wanted at.

    Posts are ranked by their logits, which every calibration leaves in their order; `probabilities` [N, P] say how well
    calibrated what was not fitted on them is.
    """
    weights = bootstrap_weights(scored.cluster, RESAMPLES, seed)
    columns = range(len(scored.policies))
    judged = [_Judged.of(scored, scored.logits, weights, i) for i in columns]
    precision = np.array([average_precision(j.violates, j.scores, j.weights) for j in judged])
    likely = [_Judged.of(scored, probabilities, weights, i) for i in columns]
    errors = np.array([calibration_error(j.violates, j.scores, j.weights) for j in likely])
    return Report(
        posts=len(scored),
        macro_average_precision=Figure.of(mean_of(precision)),
        macro_calibration_error=Figure.of(mean_of(errors)),
        chance=_chance(judged, seed),
        policies=tuple(
            PolicyReport(
                policy=policy,
                judged=len(j.violates),
                violations=int(j.violates.sum()),
                average_precision=Figure.of(precision[i]),
                calibration_error=Figure.of(errors[i]),
                recall={name: Figure.of(j.recall(least)) for name, least in precisions.items()},
            )
            for i, (policy, j) in enumerate(zip(scored.policies, judged, strict=True))
        ),
        slices=tuple(_slices(scored, weights)),
    )


def _chance(judged: list[_Judged], seed: int) -> Figure:
    rng = np.random.default_rng(seed)
    most = max((len(j.violates) for j in judged), default=0)
    shuffles = int(np.clip(COLUMN_BUDGET // max(1, most), 40, RESAMPLES))
    samples = [
        shuffled_precision(j.violates.sum(), len(j.violates), shuffles, rng) for j in judged if j.defined
    ]
    if not samples:
        return Figure(value=None)
    means = np.mean(samples, axis=0)
    return Figure.of(np.concatenate([[means.mean()], means]))


def _slices(scored: Scored, weights: NDArray[np.integer]) -> list[SliceReport]:
    reports = []
    for dimension, name, mask in scored.groups():
        policies, samples = slice_samples(scored.where(mask), weights[mask])
        figure = Figure.of(mean_of(samples))
        reports.append(
            SliceReport(
                dimension=dimension,
                name=name,
                posts=int(mask.sum()),
                policies=policies,
                average_precision=figure,
            )
        )
    return reports


def slice_samples(part: Scored, weights: NDArray[np.integer]) -> tuple[tuple[str, ...], Floats]:
    """The policies that this part of the posts says something about, and their average precisions [policies, B]."""
    judged = {policy: _Judged.of(part, part.logits, weights, i) for i, policy in enumerate(part.policies)}
    telling = {
        policy: j for policy, j in judged.items() if j.defined and j.violates.sum() >= LEAST_VIOLATIONS
    }
    samples = [average_precision(j.violates, j.scores, j.weights) for j in telling.values()]
    return tuple(telling), np.array(samples).reshape(len(telling), weights.shape[1])


def mean_of(samples: Floats) -> Floats:
    """Mean over policies [B] of [P, B], leaving out those that are undefined."""
    if not len(samples):
        return np.full(samples.shape[1], np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a resample in which no policy is defined
        mean: Floats = np.nanmean(samples, axis=0)
    return mean
