"""Text: subword embeddings, then convolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.encoder import Encoder
from models.preset import Preset
from models.subword_embedding import SubwordEmbedding, SubwordEncoder


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


def build(preset: Preset, pieces: Tensor) -> SubwordCnn:
    return SubwordCnn(pieces, preset.width, preset.dropout, preset.token_dropout)


ENCODER = Encoder(name="subword_cnn", modality="text", build=build)
