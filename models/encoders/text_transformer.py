"""Text: tokens that share the embeddings of their character n-grams, then transformer layers.

Each layer normalises before it attends (Xiong et al., 2020, arXiv 2002.04745), which trains without a long warm-up.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.encoder import Encoder
from models.preset import Preset
from models.subwords import SubwordEmbedding, SubwordEncoder, visible

WIDER = 4  # times the width: the inner features of a layer


class Layer(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_features = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.features = nn.Sequential(
            nn.Linear(width, WIDER * width), nn.GELU(), nn.Linear(WIDER * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Hidden [N, T, D], mask [N, 1, 1, T] true where there is a token; [N, T, D]."""
        parts = self.query_key_value(self.norm_attention(hidden)).chunk(3, dim=-1)
        query, key, value = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts)
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        hidden = hidden + self.dropout(self.out(found.transpose(1, 2).flatten(2)))
        return hidden + self.dropout(self.features(self.norm_features(hidden)))


class TextTransformer(SubwordEncoder):
    def __init__(self, pieces: Tensor, preset: Preset) -> None:
        super().__init__()
        width = preset.width
        self.embedding = SubwordEmbedding(pieces, width)
        self.places = nn.Parameter(torch.randn(preset.max_tokens, width) * 0.02)
        self.norm_in, self.norm_out = nn.LayerNorm(width), nn.LayerNorm(width)
        self.layers = nn.ModuleList(Layer(width, preset.heads, preset.dropout) for _ in range(preset.layers))
        self.dropout, self.token_dropout = nn.Dropout(preset.dropout), preset.token_dropout

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """[N, T] to [N, T, width], T at most the preset's max_tokens; padding comes out as zeros."""
        mask = attention_mask.unsqueeze(-1).to(self.places.dtype)
        numbers = torch.arange(input_ids.shape[1], device=input_ids.device)
        hidden = self.norm_in(self.embedding(input_ids)) + functional.embedding(numbers, self.places)
        hidden = self.dropout(hidden) * visible(mask, self.token_dropout if self.training else 0.0)
        nobody = (attention_mask == 0).all(
            dim=1, keepdim=True
        )  # attends to its padding, whatever comes of it
        attended = ((attention_mask > 0) | nobody)[:, None, None, :]
        for layer in self.layers:
            hidden = layer(hidden, attended)
        return self.norm_out(hidden) * mask


def build(preset: Preset, pieces: Tensor) -> TextTransformer:
    return TextTransformer(pieces, preset)


ENCODER = Encoder(name="text_transformer", modality="text", build=build)
