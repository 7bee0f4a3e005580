"""What a training objective is: one that learns from judgements, or one that learns from the posts alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models import objectives
from models.catalogue import Catalogue
from models.errors import UserError


class NotSupervisedError(UserError):
    """An objective that learns from the posts alone, where one that learns from judgements is asked for."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What every file of models/objectives announces, as one of its two kinds."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Supervised(Objective):
    """`loss` maps logits [N, P] and soft targets [N, P] in [0, 1] to losses [N, P]."""

    loss: Callable[[Tensor, Tensor], Tensor]

    def __call__(
        self, logits: Tensor, targets: Tensor, weights: Tensor, total: Tensor | None = None
    ) -> Tensor:
        """The weighted mean loss, a scalar; targets that are NaN are unknown and count for nothing.

        logits, targets, weights: [N, P]. `total`, a scalar, stands for the sum of the known weights where these posts
        are only a part of a batch. Zero, and still differentiable, where nothing is known.
        """
        known = ~torch.isnan(targets)
        weights = weights * known
        losses = self.loss(logits.float(), torch.where(known, targets, 0.0))
        return (losses * weights).sum() / (weights.sum() if total is None else total).clamp(min=1e-6)


def judged(
    targets: NDArray[np.float32], votes: NDArray[np.float32], unknown: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Targets and weights [N, P] of a loss; where `unknown` is "negative", no vote counts as one against."""
    if unknown == "negative":
        targets, votes = np.nan_to_num(targets), np.maximum(votes, 1)
    return targets, vote_weights(votes)


def vote_weights(votes: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much a label with so many votes counts, 0 to 1: n / (n + 1), the reliability of a mean of n votes
    (Spearman-Brown) where one vote alone is half noise.
    """
    return votes / (votes + 1)


OBJECTIVES: Catalogue[Objective] = Catalogue(objectives, "OBJECTIVE", Objective)


def supervised(name: str) -> Supervised:
    """The objective of that name; raises NotSupervisedError for one that does not learn from judgements."""
    objective = OBJECTIVES[name]
    if not isinstance(objective, Supervised):
        choices = [entry.name for entry in OBJECTIVES.sound() if isinstance(entry, Supervised)]
        raise NotSupervisedError(
            f"the objective {name!r} learns from posts without judgements, as `moderato pretrain` does; "
            f"to learn from judgements, choose one of: {', '.join(choices)}"
        )
    return objective
