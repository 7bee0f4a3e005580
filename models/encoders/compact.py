"""Ours, the default: subword embeddings and convolutions for text, timm's smallest residual network for pictures."""

from __future__ import annotations

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.domain.preset import compact
from models.encoders.base.encoder import Blueprint, Encoder
from models.encoders.base.towers import Plain
from models.layers.subword_embedding import SubwordEmbedding, SubwordEncoder


class SubwordCnn(SubwordEncoder):
    def __init__(self, pieces: Tensor, width: int, dropout: float, token_dropout: float) -> None:
        super().__init__()
        self.embedding = SubwordEmbedding(pieces, width)
        self.norm_in = nn.LayerNorm(width)
        self.convolution = nn.Conv1d(width, width, kernel_size=3, padding=1)
        self.norm_out = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.token_dropout = token_dropout

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """[N, T] to [N, T, width]; padding comes out as zeros."""
        mask = attention_mask.unsqueeze(-1).to(self.norm_in.weight.dtype)
        hidden = self.dropout(self.norm_in(self.embedding(input_ids))) * self._visible(mask)
        context = self.convolution(hidden.transpose(1, 2)).transpose(1, 2)
        return self.norm_out(hidden + self.dropout(functional.gelu(context))) * mask

    def _visible(self, mask: Tensor) -> Tensor:
        if not self.training or not self.token_dropout:
            return mask
        return mask * (torch.rand_like(mask) >= self.token_dropout)


class SmallResnet(nn.Module):
    """Every place of the last map is a patch."""

    def __init__(self, width: int, dropout: float, size: int) -> None:
        super().__init__()
        self.trunk = timm.create_model("test_resnet", pretrained=False, num_classes=0, global_pool="")
        self.project = nn.Conv2d(self.trunk.num_features, width, kernel_size=1)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        with torch.no_grad():
            side = self.trunk.eval()(torch.zeros(1, 3, size, size)).shape[-1]
        self.trunk.train()
        self.place = nn.Parameter(torch.randn(side * side, width) * 0.02)

    def forward(self, pixels: Tensor) -> Tensor:
        """[M, 3, S, S] in -1 to 1 to patches [M, L, width]."""
        patches = self.project(self.trunk(pixels)).flatten(2).transpose(1, 2)
        return self.dropout(self.norm(patches) + self.place)


def build(blueprint: Blueprint) -> Plain:
    preset = blueprint.preset
    reads, sees = blueprint.reads, blueprint.sees
    return Plain(
        text=SubwordCnn(blueprint.pieces, preset.width, preset.dropout, preset.token_dropout)
        if reads
        else None,
        image=SmallResnet(preset.width, preset.dropout, preset.image_size) if sees else None,
        width=preset.width,
    )


ENCODER = Encoder(
    name="compact",
    about="subword convolutions and a small residual network, from scratch in minutes on two cores",
    modalities=("text", "image"),
    build=build,
    preset=compact,
)
