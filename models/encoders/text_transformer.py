"""Text: subword embeddings and learned positions, then pre-norm self-attention (Vaswani et al., 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.domain.preset import Preset, transformer
from models.encoders.base.encoder import Blueprint, Encoder
from models.encoders.base.towers import Plain
from models.layers.packing import Packed, attend, packed
from models.layers.subword_embedding import SubwordEmbedding, SubwordEncoder

SPREAD = 0.02  # standard deviation that positions and the last map of each branch begin with


class Layer(nn.Module):
    """Normalised before each branch, so that what goes past the branches is never rescaled (Xiong et al., 2020)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_feed = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)
        for last in (self.out, self.narrow):
            nn.init.normal_(last.weight, std=SPREAD)

    def forward(self, hidden: Tensor, where: Tensor | Packed) -> Tensor:
        """Hidden [N, T, D], where [N, 1, 1, T] true where a token may be looked at, or packed rows; [N, T, D]."""
        hidden = hidden + self.dropout(self._attend(self.norm_attention(hidden), where))
        fed = functional.gelu(self.widen(self.norm_feed(hidden)))
        return hidden + self.dropout(self.narrow(fed))

    def _attend(self, hidden: Tensor, where: Tensor | Packed) -> Tensor:
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in self.query_key_value(hidden).chunk(3, dim=-1)
        )
        return self.out(attend(query, key, value, where).transpose(1, 2).flatten(2))


class TextTransformer(SubwordEncoder):
    def __init__(self, pieces: Tensor, preset: Preset) -> None:
        super().__init__()
        self.embedding = SubwordEmbedding(pieces, preset.width)
        self.norm_in = nn.LayerNorm(preset.width)
        self.positions = nn.Embedding(preset.max_tokens, preset.width)
        nn.init.normal_(self.positions.weight, std=SPREAD)
        self.layers = nn.ModuleList(
            Layer(preset.width, preset.heads, preset.dropout) for _ in range(preset.layers)
        )
        self.norm_out = nn.LayerNorm(preset.width)
        self.dropout = nn.Dropout(preset.dropout)
        self.token_dropout, self.packing = preset.token_dropout, preset.packing

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """[N, T] to [N, T, width], T at most the preset's max_tokens; padding comes out as zeros."""
        rows = packed(attention_mask) if self.training and self.packing else None
        if rows is not None:
            hidden = self._compute(rows.pack(input_ids), rows.visible, rows.positions, rows)
            return rows.unpack(hidden)
        there = attention_mask > 0
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        # a softmax over nothing is not a number: an empty text looks at its padding, which the last line hides
        looked_at = (there | ~there.any(dim=1, keepdim=True))[:, None, None, :]
        return self._compute(input_ids, there, places, looked_at) * there.unsqueeze(-1)

    def _compute(self, input_ids: Tensor, there: Tensor, places: Tensor, where: Tensor | Packed) -> Tensor:
        """Rows of tokens [N, T] to [N, T, width]."""
        embedded = self.norm_in(self.embedding(input_ids)) * self._visible(there)
        hidden = self.dropout(embedded + self.positions(places))
        for layer in self.layers:
            hidden = layer(hidden, where)
        return self.norm_out(hidden)

    def _visible(self, there: Tensor) -> Tensor:
        visible = there.unsqueeze(-1).to(self.norm_in.weight.dtype)
        if not self.training or not self.token_dropout:
            return visible
        return visible * (torch.rand_like(visible) >= self.token_dropout)


def build(blueprint: Blueprint) -> Plain:
    preset = blueprint.preset
    return Plain(text=TextTransformer(blueprint.pieces, preset), width=preset.width)


ENCODER = Encoder(
    name="text_transformer",
    about="subword embeddings and self-attention, from scratch",
    modalities=("text",),
    build=build,
    preset=transformer,
)
