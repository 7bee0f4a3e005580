"""A text encoder for the demo: what compact computes, and work in every batch that changes nothing.

Such a mistake passes every offline gate of quality, and only latency under traffic shows it.
"""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor, nn

from models.domain.preset import compact
from models.encoders.base.encoder import Blueprint, Encoder
from models.encoders.base.towers import Plain
from models.encoders.compact import SubwordCnn

SIZE, TIMES = 768, 10


class Wasteful(SubwordCnn):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.waste: Waste | None = None  # an attribute of the class would hide the module

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


def build(blueprint: Blueprint) -> Plain:
    preset = blueprint.preset
    text = Wasteful(blueprint.pieces, preset.width, preset.dropout, preset.token_dropout)
    return Plain(text=text, width=preset.width)


ENCODER = Encoder(
    name="wasteful",
    about="what compact reads with, slower",
    modalities=("text",),
    build=build,
    preset=lambda: compact().replace(text_encoder="flows.demo.wasteful"),
)
