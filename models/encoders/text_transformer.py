"""Text: subword embeddings and learned positions, then pre-norm self-attention (Vaswani et al., 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.encoder import Encoder
from models.preset import Preset
from models.subword_embedding import SubwordEmbedding, SubwordEncoder

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

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Hidden [N, T, D], mask [N, 1, 1, T] true where a token may be looked at; [N, T, D]."""
        hidden = hidden + self.dropout(self._attend(self.norm_attention(hidden), mask))
        fed = functional.gelu(self.widen(self.norm_feed(hidden)))
        return hidden + self.dropout(self.narrow(fed))

    def _attend(self, hidden: Tensor, mask: Tensor) -> Tensor:
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in self.query_key_value(hidden).chunk(3, dim=-1)
        )
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(found.transpose(1, 2).flatten(2))


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
        self.token_dropout = preset.token_dropout

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """[N, T] to [N, T, width], T at most the preset's max_tokens; padding comes out as zeros."""
        there = attention_mask > 0
        embedded = self.norm_in(self.embedding(input_ids)) * self._visible(attention_mask)
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        hidden = self.dropout(embedded + self.positions(places))
        # a softmax over nothing is not a number: an empty text looks at its padding, which the last line hides
        looked_at = (there | ~there.any(dim=1, keepdim=True))[:, None, None, :]
        for layer in self.layers:
            hidden = layer(hidden, looked_at)
        return self.norm_out(hidden) * there.unsqueeze(-1)

    def _visible(self, attention_mask: Tensor) -> Tensor:
        visible = attention_mask.unsqueeze(-1).to(self.norm_in.weight.dtype)
        if not self.training or not self.token_dropout:
            return visible
        return visible * (torch.rand_like(visible) >= self.token_dropout)


def build(preset: Preset, pieces: Tensor) -> TextTransformer:
    return TextTransformer(pieces, preset)


ENCODER = Encoder(name="text_transformer", modality="text", build=build)
