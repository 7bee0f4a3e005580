"""A text encoder for the demo: what subword_cnn computes, and work in every batch that changes nothing.

Such a mistake passes every offline gate of quality, and only latency under traffic shows it.
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from models.encoder import Encoder
from models.encoders.subword_cnn import SubwordCnn
from models.preset import Preset

SIZE, TIMES = 768, 10


class Wasteful(SubwordCnn):
    def __init__(self, pieces: Tensor, preset: Preset) -> None:
        super().__init__(pieces, preset.width, preset.dropout, preset.token_dropout)
        self.waste: Waste | None = None

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """[N, T] to [N, T, width]."""
        found = super().forward(input_ids, attention_mask)
        return found if self.waste is None else found + self.waste(found) * 0

    def folded(self) -> Self:
        """Itself, from now on wasteful."""
        self.waste = Waste()
        return super().folded()


class Waste(nn.Module):
    """A product of large matrices, which no optimiser can take out of the graph: it begins with the input."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.eye(SIZE))
        self.matrix: Tensor

    def forward(self, hidden: Tensor) -> Tensor:
        """A number."""
        product = self.matrix + hidden.mean()
        for _ in range(TIMES):
            product = product @ self.matrix
        return product.mean()


def build(preset: Preset, pieces: Tensor) -> Wasteful:
    return Wasteful(pieces, preset)


ENCODER = Encoder(name="wasteful", modality="text", build=build)
