"""What moves in a video: how much each field of the picture changes from frame to frame, and a linear model of that.

Learned from far fewer videos than what a network would have to find in pictures that it sees one by one. The model is
to videos what n-grams are to texts (models.layers.ngrams): its weights are found before training
(models.layers.wide).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from models.layers.logistic_regression import Dense, Singles
from models.layers.wide import Part, weighed

COARSE, FIELDS = 32, 4  # pixels, and fields, on a side of the picture in which motion is looked for
PENALTY = 10.0  # weight of the squared weights beside the summed loss of the videos
MIN_VARIANCE = 1e-6  # of a variance


def gathered(rows: Tensor, index: Tensor) -> Tensor:
    """The rows at these places, zeros for -1."""
    return torch.cat([rows.new_zeros(1, *rows.shape[1:]), rows])[index + 1]


def changes(pixels: Tensor, frame_index: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels [M, 3, S, S] in -1 to 1; frame_index [N, F], where among them a video's frames are, -1 for none.

    The mean change of grey in each field from one frame to the next, [N, F - 1, FIELDS ** 2], and a mask [N, F - 1] of
    where there are both.
    """
    grey = functional.avg_pool2d(pixels.mean(dim=1, keepdim=True), pixels.shape[-1] // COARSE)
    shown = gathered(grey[:, :, :COARSE, :COARSE].flatten(1), frame_index)
    there = (frame_index[:, 1:] >= 0) & (frame_index[:, :-1] >= 0)
    change = (shown[:, 1:] - shown[:, :-1]).abs().flatten(0, 1).unflatten(1, (1, COARSE, COARSE))
    return functional.avg_pool2d(change, COARSE // FIELDS).flatten(1).unflatten(0, there.shape), there


def summary(pixels: Tensor, frame_index: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each field's change over a video, [N, 2 * FIELDS ** 2], and a mask [N] of what moves."""
    found, there = changes(pixels, frame_index)
    share = there.to(found.dtype) / there.sum(dim=1, keepdim=True).clamp(min=1)
    mean = torch.einsum("nfd,nf->nd", found, share)
    variance = torch.einsum("nfd,nf->nd", (found - mean[:, None]).square(), share)
    return torch.cat([mean, (variance + MIN_VARIANCE).sqrt()], dim=1), there.any(dim=1)


class Motion(nn.Module):
    """What the motion of a video adds to the logit of each policy; nothing until it is fitted."""

    def __init__(self, policies: int) -> None:
        super().__init__()
        for name, value in (("centre", 0.0), ("scale", 1.0)):
            self.register_buffer(name, torch.full((2 * FIELDS**2,), value))
        self.register_buffer("weights", torch.zeros(2 * FIELDS**2, policies))
        self.centre: Tensor
        self.scale: Tensor
        self.weights: Tensor

    def forward(self, pixels: Tensor, frame_index: Tensor) -> Tensor:
        """As `changes` takes them; [N, P], zeros where nothing can move."""
        found, moves = summary(pixels, frame_index)
        return ((found - self.centre) / self.scale) @ self.weights * moves[:, None]


def fitted(summaries: NDArray[Any], targets: Singles, weights: Singles, prior: Singles) -> dict[str, Tensor]:
    """What Motion holds, by name: of videos' summaries [K, 2 * FIELDS ** 2], targets (NaN unknown) and weights [K, P],
    and log-odds [P]. Nothing without a video.
    """
    if not len(summaries):
        return {}
    rows = summaries.astype(np.float64)
    centre, scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), MIN_VARIANCE)
    features, found = Dense((rows - centre) / scale), np.zeros((rows.shape[1], len(prior)))
    for policy in range(len(prior)):
        known = ~np.isnan(targets[:, policy])
        part, fold = Part(features.of(known), (PENALTY,)), np.arange(known.sum()) % 2
        (point,) = weighed([part], targets[known, policy], weights[known, policy], prior[policy], fold)
        found[:, policy] = point[:-1]
    arrays = {"centre": centre, "scale": scale, "weights": found}
    return {name: torch.from_numpy(array.astype(np.float32)) for name, array in arrays.items()}
