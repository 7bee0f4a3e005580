"""The part of the wide half that goes by meaning: a linear model over the embedding of a frozen encoder.

A linear probe as in CLIP (Radford et al., 2021, arXiv 2103.00020, section 3.2). What an encoder learned from far more
text than any team has judged stands beside the words themselves (models.layers.ngrams); the weights of both are found
before training (models.layers.wide).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

PROBE_PENALTIES = (
    0.003,
    0.01,
    0.03,
    0.1,
    0.3,
    1.0,
)  # of the squared weights of a scaled embedding, beside the summed loss of the texts
MIN_DEVIATION = 1e-6


class EmbeddingProbe(nn.Module):
    """What an embedding adds to the logit of each policy; nothing until it is fitted."""

    def __init__(self, width: int, policies: int) -> None:
        super().__init__()
        self.width = width
        self.register_buffer("weight", torch.zeros(width, policies))
        self.register_buffer("intercept", torch.zeros(policies))
        self.weight: Tensor
        self.intercept: Tensor

    def forward(self, embedding: Tensor) -> Tensor:
        """[N, F] to [N, P]."""
        return embedding @ self.weight + self.intercept


@dataclass(frozen=True)
class Scale:
    """Embeddings with features of mean 0 and equal spread, of length 1 on average: a penalty then means the same for
    every encoder. mean, spread: [F].
    """

    mean: NDArray[np.float32]
    spread: NDArray[np.float32]

    @classmethod
    def of(cls, embeddings: NDArray[np.float32]) -> Self:
        """Of those [N, F] that are fitted on."""
        deviation = np.maximum(embeddings.std(axis=0), MIN_DEVIATION)
        return cls(embeddings.mean(axis=0), deviation * np.float32(np.sqrt(embeddings.shape[1])))

    def __call__(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        return (embeddings - self.mean) / self.spread

    def undone(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Weights and, last, intercepts [F + 1, P] for scaled embeddings as weights [F, P] and intercepts [P] for
        embeddings as they are.
        """
        weight = points[:-1] / self.spread[:, None]
        return weight.astype(np.float32), (points[-1] - self.mean @ weight).astype(np.float32)


@dataclass(frozen=True)
class Block:
    """One view of N posts: what is fitted on, [N, 1 + F]; there: [N], whether a post has it, else it is silent."""

    features: NDArray[np.float32]
    there: NDArray[np.bool_]
    scale: Scale

    @classmethod
    def of(cls, rows: NDArray[np.float32]) -> Self:
        """rows: [N, 1 + F], the first column a one where the post has it, and zeros where it has not."""
        there = rows[:, 0] > 0
        scale = Scale.of(rows[there, 1:] if there.any() else rows[:, 1:])
        return cls(np.column_stack([rows[:, 0], scale(rows[:, 1:]) * rows[:, :1]]), there, scale)

    def undone(self, points: NDArray[np.float64]) -> NDArray[np.float32]:
        """Weights of features and, last, intercepts, [F + 2, P], as weights [1 + F, P] for rows as they are."""
        weight, first = self.scale.undone(np.concatenate([points[1:-1], points[:1]]))
        return np.concatenate([first[None], weight])


def blocks_of(rows: NDArray[np.float32], widths: Sequence[int]) -> list[Block]:
    """Blocks side by side, [N, sum of widths], each for itself."""
    return [Block.of(block) for block in np.split(rows, np.cumsum(widths)[:-1], axis=1)]
