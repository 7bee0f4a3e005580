"""Candidate and champion on the same posts, resampled together: their difference, not their luck."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from models.evaluation.metrics import average_precision, bootstrap_weights
from models.evaluation.predictions import Names, Scored
from models.evaluation.report import RESAMPLES, Figure, mean_of, slice_samples
from models.evaluation.thresholds import MAJORITY

Floats = NDArray[np.floating]

ERROR_RATE = 0.05  # of all slices together


class Difference(BaseModel):
    """Macro average precision on some posts; positive where the candidate is better.

    `credible` is the highest difference that the posts do not rule out: below 0, the candidate is worse beyond noise.
    `least` is the lowest. `ours` and `theirs` are the two values with the interval of each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    posts: int
    candidate: float | None
    champion: float | None
    difference: Figure
    credible: float | None
    ours: Figure = Figure(value=None)
    theirs: Figure = Figure(value=None)

    @property
    def least(self) -> float | None:
        if self.difference.value is None or self.credible is None:
            return None
        return 2 * self.difference.value - self.credible  # the bound is symmetric


class Comparison(BaseModel):
    """`excluded` test posts were left out: the champion had learned from them. None where nobody knows its posts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    champion: int
    posts: int
    excluded: int | None
    overall: Difference
    policies: tuple[Difference, ...]
    slices: tuple[Difference, ...]

    @property
    def differences(self) -> tuple[Difference, ...]:
        return (self.overall, *self.policies, *self.slices)


def compare(
    candidate: Scored, champion: Scored, learned: Names | None, *, version: int, seed: int
) -> Comparison:
    """Both scored the same posts in the same order; `learned` are ids of posts that the champion was trained on.

    Policies that only one of the two knows are left out.
    """
    assert (candidate.post_id == champion.post_id).all()
    fresh = np.isin(candidate.post_id, [] if learned is None else learned, invert=True)
    ours, theirs = (_shared(x, y).where(fresh) for x, y in ((candidate, champion), (champion, candidate)))
    weights = bootstrap_weights(ours.cluster, RESAMPLES, seed)
    groups = ours.groups()
    slices = [
        _slice(f"{dimension} {name}", ours.where(mask), theirs.where(mask), weights[mask], len(groups))
        for dimension, name, mask in groups
    ]
    policies = [_samples(ours, theirs, weights, i) for i in range(len(ours.policies))]
    mine, its = (mean_of(np.array(column)) for column in zip(*policies, strict=True))
    return Comparison(
        champion=version,
        posts=len(ours),
        excluded=None if learned is None else int((~fresh).sum()),
        overall=_difference("all posts", len(ours), mine, its),
        policies=tuple(_difference(p, len(ours), *s) for p, s in zip(ours.policies, policies, strict=True)),
        slices=tuple(found for found in slices if found.difference.value is not None),
    )


def paired(ours: Scored, theirs: Scored, *, seed: int) -> Difference:
    """All posts together; both scored the same posts for the same policies in the same order."""
    weights = bootstrap_weights(ours.cluster, RESAMPLES, seed)
    policies = [_samples(ours, theirs, weights, i) for i in range(len(ours.policies))]
    mine, its = (mean_of(np.array(column)) for column in zip(*policies, strict=True))
    return _difference("all posts", len(ours), mine, its)


def _shared(scored: Scored, other: Scored) -> Scored:
    columns = [i for i, policy in enumerate(scored.policies) if policy in other.policies]
    policies = tuple(scored.policies[i] for i in columns)
    order = sorted(range(len(columns)), key=lambda i: policies[i])
    picked = [columns[i] for i in order]
    names = tuple(policies[i] for i in order)
    return replace(scored, policies=names, labels=scored.labels[:, picked], logits=scored.logits[:, picked])


def _samples(
    ours: Scored, theirs: Scored, weights: NDArray[np.integer], column: int
) -> tuple[Floats, Floats]:
    known = ~np.isnan(ours.labels[:, column])
    violates = ours.labels[known, column] >= MAJORITY
    mine, its = (average_precision(violates, s.logits[known, column], weights[known]) for s in (ours, theirs))
    return mine, its


def _slice(name: str, ours: Scored, theirs: Scored, weights: NDArray[np.integer], slices: int) -> Difference:
    mine, its = (mean_of(slice_samples(scored, weights)[1]) for scored in (ours, theirs))
    return _difference(name, len(ours), mine, its, slices)


def _difference(name: str, posts: int, mine: Floats, its: Floats, comparisons: int = 1) -> Difference:
    """`credible` is a one-sided normal bound, widened for the number of comparisons (Bonferroni)."""
    gap = mine - its
    value = Figure.of(gap)
    if value.value is None:
        return Difference(
            name=name, posts=posts, candidate=None, champion=None, difference=value, credible=None
        )
    reach = NormalDist().inv_cdf(1 - ERROR_RATE / comparisons) * float(np.nanstd(gap[1:]))
    return Difference(
        name=name,
        posts=posts,
        candidate=float(mine[0]),
        champion=float(its[0]),
        difference=value,
        credible=value.value + reach,
        ours=Figure.of(mine),
        theirs=Figure.of(its),
    )
