"""Time: what moves between the frames of a video, and frames that look at their neighbours, so that what is said of a
frame is about that moment.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.layers.motion import FIELDS, changes

NEIGHBOURS = 1  # frames on either side
SPREAD = 0.02  # standard deviation that positions begin with
STILL = 1e-3  # change of grey that is noise
TYPICAL = 3.0  # -log of the change of a field in which something moves


class Moving(nn.Module):
    """How much each field of the picture changes from the frame before, as a frame's features."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(FIELDS * FIELDS, width)
        nn.init.zeros_(self.project.weight)  # what moves says nothing until it is learned

    def forward(self, pixels: Tensor, frame_index: Tensor) -> Tensor:
        """As models.layers.motion.changes takes them; [N, F, D], zeros where there is no frame before."""
        found, there = changes(pixels, frame_index)
        moved = self.project(torch.log(found + STILL) + TYPICAL) * there.unsqueeze(-1)
        return functional.pad(moved, (0, 0, 1, 0))


class Temporal(nn.Module):
    """One layer of self-attention over the frames of a video, with learned positions and what has moved."""

    def __init__(self, width: int, heads: int, frames: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.motion = Moving(width)
        self.places = nn.Parameter(torch.randn(frames, width) * SPREAD)
        self.norm, self.norm_out = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, frames: Tensor, pixels: Tensor, frame_index: Tensor) -> Tensor:
        """Frames [N, F, D], and the pixels and places that they are of, as `changes` takes them; [N, F, D]."""
        hidden, mask = frames + self.motion(pixels, frame_index) + self.places, frame_index >= 0
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in self.query_key_value(self.norm(hidden)).chunk(3, dim=-1)
        )
        order = torch.arange(mask.shape[1], device=mask.device)
        distance = (order[:, None] - order[None, :]).abs()
        seen = (distance <= NEIGHBOURS) & mask[:, None, :] | (
            distance == 0
        )  # itself: no softmax over nothing
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=seen[:, None])
        return self.norm_out(hidden + self.dropout(self.out(found.transpose(1, 2).flatten(2))))
